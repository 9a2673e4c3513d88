import CNNZoo
import Glibc

/// Files that commands write in addition to standard output.
enum OutputFile {
  /// A file format that some command writes.
  enum Format: String {
    case safetensors, npy, npz, png, svg, jsonl, csv
  }

  /// Extensions of file formats; other contents would be misleading.
  ///
  /// Anything else, such as `.tmp` or none at all, is the user's choice.
  private static let knownExtensions: Set<String> = [
    "avif", "bin", "bmp", "ckpt", "csv", "gguf", "gif", "h5", "heic", "html", "jpe", "jpeg", "jpg",
    "json", "jsonl", "jxl", "md", "npy", "npz", "onnx", "parquet", "pbm", "pdf", "pgm", "pkl",
    "png",
    "pnm", "ppm", "pt", "pth", "safetensors", "svg", "tif", "tiff", "tsv", "txt", "webp", "zip",
  ]

  /// The format for the extension of `path`, if it is one of `formats`.
  static func format(of path: String, among formats: [Format]) -> Format? {
    pathExtension(path).flatMap { name in formats.first { $0.rawValue == name } }
  }

  /// Checks the output file before minutes of work are spent on it.
  ///
  /// Throws if the file's extension contradicts its contents, the file cannot be created, or it is
  /// one of the command's inputs.
  ///
  /// - Parameter formats: The formats that the command can write to it.
  static func check(
    _ path: String, is formats: [Format], replacesNone inputs: [String] = []
  ) throws {
    if let own = identity(path), inputs.contains(where: { identity($0) == own }) {
      throw FileError.cannotCreate(
        path: path, reason: "it is an input of this command; choose another file")
    }
    if let name = pathExtension(path), knownExtensions.contains(name),
      !formats.contains(where: { $0.rawValue == name })
    {
      let extensions = formats.map { ".\($0.rawValue)" }.joined(separator: " or ")
      throw UsageError("\(path): cannot write .\(name) files here; use \(extensions)")
    }
    // The incomplete file is removed on release, which an interrupt must not prevent.
    try Interrupts.deferred { () throws in _ = try AtomicFile(path: path) }
  }

  private static func pathExtension(_ path: String) -> String? {
    let name = path.split(separator: "/").last ?? ""
    guard let dot = name.lastIndex(of: "."), dot > name.startIndex else { return nil }
    return name[name.index(after: dot)...].lowercased()
  }

  /// Identifies a file independently of its path.
  private static func identity(_ path: String) -> [UInt]? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return [UInt(status.st_dev), UInt(status.st_ino)]
  }

  /// Writes the file atomically.
  ///
  /// - Throws: `FileError.cannotCreate` and `.cannotWrite`.
  static func write(_ bytes: [UInt8], to path: String) throws(FileError) {
    try Interrupts.deferred { () throws(FileError) in try AtomicFile.write(bytes, to: path) }
  }

  /// Writes the file piece by piece, complete or not at all.
  ///
  /// - Throws: `FileError.cannotCreate` and `.cannotWrite`.
  static func write(
    to path: String, _ body: ((String) throws(FileError) -> Void) throws(FileError) -> Void
  ) throws(FileError) {
    try Interrupts.deferred { () throws(FileError) in
      let file = try AtomicFile(path: path)
      var bytes: [UInt8] = []
      func write() throws(FileError) {
        try bytes.span.bytes.withUnsafeBytes { (bytes) throws(FileError) in try file.write(bytes) }
        bytes.removeAll(keepingCapacity: true)
      }
      try body { (text) throws(FileError) in
        bytes += text.utf8
        if bytes.count > 1 << 20 { try write() }
      }
      try write()
      try file.commit()
    }
  }
}
