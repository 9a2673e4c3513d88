import Glibc

/// A path as the system has it, bytes that need not be UTF-8, and as it is shown.
package struct FilePath {
  /// The bytes, ended by a zero.
  package let bytes: [CChar]

  /// The path as text; bytes that are none show as U+FFFD.
  package var shown: String {
    String(decoding: bytes.lazy.map(UInt8.init(bitPattern:)).dropLast(), as: UTF8.self)
  }

  package init(_ bytes: some Sequence<UInt8>) {
    self.bytes = bytes.map(CChar.init(bitPattern:)) + [0]
  }

  /// The paths that were given as `arguments`: the parser has texts, in which bytes that are not
  /// UTF-8 were replaced, so each such text is looked up among the process's own arguments.
  package static func paths(of arguments: [String]) -> [FilePath] {
    var raw: [[UInt8]] = []
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      let bytes = UnsafeBufferPointer(start: argument, count: strlen(argument))
      raw.append(bytes.map(UInt8.init(bitPattern:)))
    }
    return arguments.map { argument in
      guard argument.unicodeScalars.contains("\u{FFFD}"),
        let index = raw.firstIndex(where: { String(decoding: $0, as: UTF8.self) == argument })
      else { return FilePath(argument.utf8) }
      return FilePath(raw.remove(at: index))
    }
  }

  /// The entry called `name` of this folder.
  package func appending(_ name: [UInt8]) -> FilePath {
    let folder = bytes.dropLast().map(UInt8.init(bitPattern:))
    let slash = folder.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
    return FilePath(folder + slash + name)
  }

  /// The kind bits of the file's mode, links followed; `nil` where there is no such file.
  package var kind: mode_t? {
    var status = stat()
    return stat(bytes, &status) == 0 ? status.st_mode & S_IFMT : nil
  }
}

/// The files under a folder, folders within it included, in the order of their paths' bytes.
///
/// Links to files are followed, links to folders are not, so that the walk ends.
package struct FolderWalk {
  /// What the walk comes to.
  package enum Entry {
    case file(FilePath)
    case unreadableFolder(FilePath, reason: String)
  }

  private struct Pending {
    let path: FilePath
    let isFolder: Bool
  }

  /// What is still to be visited, the next one last.
  private var pending: [Pending]

  package init(_ folder: FilePath) {
    pending = [Pending(path: folder, isFolder: true)]
  }

  package mutating func next() -> Entry? {
    while let entry = pending.popLast() {
      guard entry.isFolder else { return .file(entry.path) }
      do {
        pending += try Self.entries(of: entry.path).reversed()
      } catch {
        return .unreadableFolder(entry.path, reason: error.reason)
      }
    }
    return nil
  }

  private struct Unreadable: Error {
    let reason: String
  }

  /// The files and folders in a folder; other things, such as FIFOs, are passed over.
  private static func entries(of folder: FilePath) throws(Unreadable) -> [Pending] {
    guard let stream = opendir(folder.bytes) else {
      throw Unreadable(reason: String(cString: strerror(errno)))
    }
    defer { closedir(stream) }
    var found: [(key: [UInt8], entry: Pending)] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      guard name != [UInt8(ascii: ".")], name != Array("..".utf8) else { continue }
      let path = folder.appending(name)
      var status = stat()
      guard lstat(path.bytes, &status) == 0 else { continue }
      let isFolder = status.st_mode & S_IFMT == S_IFDIR
      guard isFolder || path.kind == S_IFREG else { continue }
      // A folder sorts by the slash that follows its name in the paths within it.
      found.append(
        (name + (isFolder ? [UInt8(ascii: "/")] : []), Pending(path: path, isFolder: isFolder)))
    }
    found.sort { $0.key.lexicographicallyPrecedes($1.key) }
    return found.map(\.entry)
  }
}
