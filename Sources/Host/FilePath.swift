import Glibc

/// A path as raw bytes, which need not be UTF-8.
package struct FilePath {
  /// The bytes, with a terminating NUL.
  package let bytes: [CChar]

  /// The path as text, with U+FFFD for bytes that are not UTF-8.
  package var shown: String {
    String(decoding: bytes.lazy.map(UInt8.init(bitPattern:)).dropLast(), as: UTF8.self)
  }

  package init(_ bytes: some Sequence<UInt8>) {
    self.bytes = bytes.map(CChar.init(bitPattern:)) + [0]
  }

  /// The paths given as `arguments`.
  ///
  /// The argument parser replaces bytes that are not UTF-8, so such an argument is looked up in the
  /// process's raw arguments.
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

  /// The entry called `name` in this directory.
  package func appending(_ name: [UInt8]) -> FilePath {
    let directory = bytes.dropLast().map(UInt8.init(bitPattern:))
    let slash = directory.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
    return FilePath(directory + slash + name)
  }

  /// The file type bits of the file's mode, following links; `nil` if there is no such file.
  package var kind: mode_t? {
    var status = stat()
    return stat(bytes, &status) == 0 ? status.st_mode & S_IFMT : nil
  }

  /// Has the system read a regular file into memory, in the background.
  ///
  /// - Returns: Whether reading waits only for the disk: false for pipes and devices.
  package func readAhead() -> Bool {
    guard let kind else { return true }
    guard kind == S_IFREG else { return kind == S_IFDIR }
    let descriptor = open(bytes, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return true }
    posix_fadvise(descriptor, 0, 0, POSIX_FADV_WILLNEED)
    close(descriptor)
    return true
  }
}

/// Reading directories.
extension FilePath {
  /// The names in this directory, sorted by their bytes, without `.` and `..`.
  ///
  /// - Throws: `FileError.cannotRead`.
  package func names() throws(FileError) -> [[UInt8]] {
    guard let stream = opendir(bytes) else {
      throw .cannotRead(path: shown, reason: systemMessage())
    }
    defer { closedir(stream) }
    var names: [[UInt8]] = []
    while let entry = readdir(stream) {
      let name = withUnsafeBytes(of: entry.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
      if name != [UInt8(ascii: ".")], name != Array("..".utf8) { names.append(name) }
    }
    return names.sorted { $0.lexicographicallyPrecedes($1) }
  }

  /// The names in a directory as text; none if it cannot be read.
  package static func names(in directory: String) -> [String] {
    let names = (try? FilePath(directory.utf8).names()) ?? []
    return names.map { String(decoding: $0, as: UTF8.self) }
  }
}
