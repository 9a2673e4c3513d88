import CNNZoo

/// A file that the command leaves besides what goes to standard output.
enum OutputFile {
  /// Learns before long work whether its result will find a place.
  ///
  /// - Throws: `WeightsError.cannotCreate`.
  static func requireCreatable(_ path: String) throws(WeightsError) {
    // Removed again at once: an interrupt in between must not leave it.
    try Interrupts.deferred { () throws(WeightsError) in _ = try AtomicFile(path: path) }
  }

  /// Writes the file, complete or not at all.
  ///
  /// - Throws: `WeightsError.cannotCreate` and `.cannotWrite`.
  static func write(_ text: String, to path: String) throws(WeightsError) {
    try Interrupts.deferred { () throws(WeightsError) in
      let file = try AtomicFile(path: path)
      let bytes = Array(text.utf8)
      let result = bytes.withUnsafeBytes { bytes in
        Result { () throws(WeightsError) in try file.write(bytes) }
      }
      try result.get()
      try file.commit()
    }
  }
}
