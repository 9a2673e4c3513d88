import CNNZoo
import Glibc

/// Writes results.
enum StandardOutput {
  /// Writes one record, in a single system call if possible.
  ///
  /// - Throws: `OutputError`.
  static func write(_ record: String) throws(OutputError) {
    try Interrupts.deferred { () throws(OutputError) in
      var record = record
      try record.withUTF8Result { (bytes) throws(OutputError) in try write(bytes) }
    }
  }

  /// Writes binary data.
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
  /// The reader has closed the pipe: not a failure of this process.
  case readerGone
  case failed(reason: String)
}

extension OutputError: CustomStringConvertible {
  var description: String {
    switch self {
    case .readerGone: "standard output: closed by its reader"
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

/// Writes messages to standard error.
enum Diagnostics {
  /// Writes a message, prefixed with the command's name.
  static func tell(_ message: String) {
    write("cnnzoo: \(message)")
  }

  /// Writes warnings about how weights were interpreted.
  static func tell(remarks: [String]) {
    for remark in remarks { tell(remark.terminalSafe()) }
  }

  /// Writes lines of text, ignoring errors: there is nowhere left to report them.
  static func write(_ text: String) {
    var text = text.hasSuffix("\n") ? text : text + "\n"
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }

  /// The message for an error: one line unless it is a list.
  static func message(of error: any Error) -> String {
    let text = String(describing: error)
    return switch error {
    case is ClassifierError, is ParameterMismatch: text.terminalSafe(keepingLines: true)
    default: text.terminalSafe()
    }
  }
}

extension String {
  /// The text with control characters escaped: file names can contain terminal commands.
  func terminalSafe(keepingLines: Bool = false) -> String {
    var safe = ""
    for scalar in unicodeScalars {
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        if keepingLines, scalar == "\n" {
          safe.unicodeScalars.append(scalar)
        } else {
          safe += "\\u{\(String(scalar.value, radix: 16))}"
        }
      default: safe.unicodeScalars.append(scalar)
      }
    }
    return safe
  }
}
