import CNNZoo
import Glibc

/// Files that commands write in addition to standard output.
enum OutputFile {
  /// Fails before minutes of work if the file cannot be created or is one of the command's inputs.
  ///
  /// - Throws: `WeightsError.cannotCreate`.
  static func check(_ path: String, replacesNone inputs: [String] = []) throws(WeightsError) {
    if let own = identity(path), inputs.contains(where: { identity($0) == own }) {
      throw .cannotCreate(path: path, reason: "it is an input of this command; choose another file")
    }
    // The incomplete file is removed on release; an interrupt must not get in between.
    try Interrupts.deferred { () throws(WeightsError) in _ = try AtomicFile(path: path) }
  }

  /// Identifies a file independently of its path.
  private static func identity(_ path: String) -> [UInt]? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return [UInt(status.st_dev), UInt(status.st_ino)]
  }

  /// Writes the file atomically.
  ///
  /// - Throws: `WeightsError.cannotCreate` and `.cannotWrite`.
  static func write(_ bytes: [UInt8], to path: String) throws(WeightsError) {
    try Interrupts.deferred { () throws(WeightsError) in
      let file = try AtomicFile(path: path)
      let result = bytes.withUnsafeBytes { bytes in
        Result { () throws(WeightsError) in try file.write(bytes) }
      }
      try result.get()
      try file.commit()
    }
  }
}
