import Glibc

/// The files under a folder, folders within it included, in the order of their paths' bytes.
///
/// Links to files are followed, links to folders are not, so that the walk ends.
struct FolderWalk {
  /// What the walk comes to.
  enum Entry {
    case file(PicturePath)
    case unreadableFolder(PicturePath, reason: String)
  }

  private struct Pending {
    let path: PicturePath
    let isFolder: Bool
  }

  /// What is still to be visited, the next one last.
  private var pending: [Pending]

  init(_ folder: PicturePath) {
    pending = [Pending(path: folder, isFolder: true)]
  }

  mutating func next() -> Entry? {
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
  private static func entries(of folder: PicturePath) throws(Unreadable) -> [Pending] {
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
