import Glibc

/// Where results go.
enum StandardOutput {
  /// Writes one record as a whole, in one call of the system where it takes it.
  ///
  /// - Throws: `OutputError`.
  static func write(_ record: String) throws(OutputError) {
    try Interrupts.deferred { () throws(OutputError) in
      var record = record
      try record.withUTF8Result { (bytes) throws(OutputError) in try write(bytes) }
    }
  }

  /// Writes bytes that are no text.
  ///
  /// - Throws: `OutputError`.
  static func write(_ bytes: [UInt8]) throws(OutputError) {
    try Interrupts.deferred { () throws(OutputError) in
      let result = bytes.withUnsafeBufferPointer { bytes in
        Result { () throws(OutputError) in try write(bytes) }
      }
      try result.get()
    }
  }

  private static func write(_ bytes: UnsafeBufferPointer<UInt8>) throws(OutputError) {
    var rest = bytes[...]
    while !rest.isEmpty {
      let count = Glibc.write(
        STDOUT_FILENO, UnsafeBufferPointer(rebasing: rest).baseAddress, rest.count)
      if count >= 0 {
        rest = rest.dropFirst(count)
        continue
      }
      switch errno {
      case EINTR: continue
      case EAGAIN:
        var readiness = pollfd(fd: STDOUT_FILENO, events: Int16(POLLOUT), revents: 0)
        poll(&readiness, 1, -1)
      case EPIPE: throw .readerGone
      default: throw .failed(reason: String(cString: strerror(errno)))
      }
    }
  }
}

/// Why a record could not be written.
enum OutputError: Error, Equatable {
  /// Nobody reads any more: not a failure of this process.
  case readerGone
  case failed(reason: String)
}

extension OutputError: CustomStringConvertible {
  var description: String {
    switch self {
    case .readerGone: "standard output: its reader is gone"
    case .failed(let reason): "standard output: cannot write: \(reason)"
    }
  }
}

extension String {
  fileprivate mutating func withUTF8Result(
    _ body: (UnsafeBufferPointer<UInt8>) throws(OutputError) -> Void
  ) throws(OutputError) {
    let result = withUTF8 { bytes in
      Result { () throws(OutputError) in try body(bytes) }
    }
    try result.get()
  }
}
