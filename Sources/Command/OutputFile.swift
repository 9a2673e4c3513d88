import CNNZoo

/// A file that a command leaves besides what goes to standard output.
enum OutputFile {
  /// Fails at once where the file could not be created, and not after minutes of work.
  ///
  /// - Throws: `WeightsError.cannotCreate`.
  static func check(_ path: String) throws(WeightsError) {
    // Dropped before it is complete, it removes what it made; an interrupt in between waits for that.
    try Interrupts.deferred { () throws(WeightsError) in _ = try AtomicFile(path: path) }
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
