import Glibc

/// A path as the system has it, bytes that need not be UTF-8, and as it is shown.
struct PicturePath {
  /// The bytes, ended by a zero.
  let bytes: [CChar]

  /// The path as text; bytes that are none show as U+FFFD.
  var shown: String {
    String(decoding: bytes.lazy.map(UInt8.init(bitPattern:)).dropLast(), as: UTF8.self)
  }

  init(_ bytes: some Sequence<UInt8>) {
    self.bytes = bytes.map(CChar.init(bitPattern:)) + [0]
  }

  /// The paths that were given as `arguments`: the parser has texts, in which bytes that are not
  /// UTF-8 were replaced, so each such text is looked up among the process's own arguments.
  static func paths(of arguments: [String]) -> [PicturePath] {
    var raw: [[UInt8]] = []
    for index in 1..<max(1, Int(CommandLine.argc)) {
      guard let argument = CommandLine.unsafeArgv[index] else { continue }
      let bytes = UnsafeBufferPointer(start: argument, count: strlen(argument))
      raw.append(bytes.map(UInt8.init(bitPattern:)))
    }
    return arguments.map { argument in
      guard argument.unicodeScalars.contains("\u{FFFD}"),
        let index = raw.firstIndex(where: { String(decoding: $0, as: UTF8.self) == argument })
      else { return PicturePath(argument.utf8) }
      return PicturePath(raw.remove(at: index))
    }
  }

  /// The entry called `name` of this folder.
  func appending(_ name: [UInt8]) -> PicturePath {
    let folder = bytes.dropLast().map(UInt8.init(bitPattern:))
    let slash = folder.last == UInt8(ascii: "/") ? [] : [UInt8(ascii: "/")]
    return PicturePath(folder + slash + name)
  }

  /// The kind bits of the file's mode, links followed; `nil` where there is no such file.
  var kind: mode_t? {
    var status = stat()
    return stat(bytes, &status) == 0 ? status.st_mode & S_IFMT : nil
  }
}
