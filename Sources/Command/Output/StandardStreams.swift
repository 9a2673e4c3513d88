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
    ProgressLine.erase()
    switch Files.write(UnsafeRawBufferPointer(bytes), to: STDOUT_FILENO) {
    case 0: break
    case EPIPE: throw .readerGone
    case let code: throw .failed(reason: systemMessage(code))
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
    case .readerGone: "standard output: closed by the reader"
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
  /// Whether `--quiet` suppresses all messages but errors.
  ///
  /// Set once, before the command runs.
  nonisolated(unsafe) static var isQuiet = false

  /// Reports why something failed.
  static func error(_ message: String) {
    write("cnnzoo: \(message)")
  }

  /// Reports something that may surprise the user.
  static func warn(_ message: String) {
    if !isQuiet { write("cnnzoo: warning: \(message)") }
  }

  /// Reports what the command is doing.
  static func log(_ message: String) {
    if !isQuiet { write("cnnzoo: \(message)") }
  }

  /// Reports several things, such as how weights were interpreted.
  static func warn(_ messages: [String]) {
    for message in messages { warn(message.terminalSafe()) }
  }

  /// Writes lines of text, ignoring errors: there is nowhere left to report them.
  static func write(_ text: String) {
    ProgressLine.erase()
    var text = text.hasSuffix("\n") ? text : text + "\n"
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }

  /// The message for an error: one line unless it is a list.
  static func message(of error: any Error) -> String {
    let text = String(describing: error)
    return switch error {
    case is PretrainedError, is ParameterMismatch, is WeightsError:
      text.terminalSafe(keepingLines: true)
    default: text.terminalSafe()
    }
  }
}

extension String {
  /// The text with control characters escaped, because file names can contain terminal commands.
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
