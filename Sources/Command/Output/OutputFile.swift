import CNNZoo
import Glibc

/// Files that commands write in addition to standard output.
enum OutputFile {
  /// Fails before minutes of work if the file cannot be created or is one of the command's inputs.
  ///
  /// - Throws: `FileError.cannotCreate`.
  static func check(_ path: String, replacesNone inputs: [String] = []) throws(FileError) {
    if let own = identity(path), inputs.contains(where: { identity($0) == own }) {
      throw .cannotCreate(path: path, reason: "it is an input of this command; choose another file")
    }
    // The incomplete file is removed on release; an interrupt must not get in between.
    try Interrupts.deferred { () throws(FileError) in _ = try AtomicFile(path: path) }
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
}
