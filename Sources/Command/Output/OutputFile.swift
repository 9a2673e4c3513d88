import CNNZoo
import Glibc

/// A file that a command leaves besides what goes to standard output.
enum OutputFile {
  /// Fails at once where the file could not be created, and not after minutes of work, and where it
  /// would replace what the command reads.
  ///
  /// - Throws: `WeightsError.cannotCreate`.
  static func check(_ path: String, replacesNone inputs: [String] = []) throws(WeightsError) {
    if let own = identity(path), inputs.contains(where: { identity($0) == own }) {
      throw .cannotCreate(path: path, reason: "it is an input of this command; name another file")
    }
    // Dropped before it is complete, it removes what it made; an interrupt in between waits for that.
    try Interrupts.deferred { () throws(WeightsError) in _ = try AtomicFile(path: path) }
  }

  /// What tells one file from another, under whatever path.
  private static func identity(_ path: String) -> [UInt]? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return [UInt(status.st_dev), UInt(status.st_ino)]
  }

  /// Writes the file, complete or not at all.
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
