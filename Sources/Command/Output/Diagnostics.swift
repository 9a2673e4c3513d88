import CNNZoo
import Glibc

/// What is told besides results, on standard error.
enum Diagnostics {
  /// Tells one message under the command's name.
  static func tell(_ message: String) {
    write("cnnzoo: \(message)")
  }

  /// Tells what a user should know of how weights were understood.
  static func tell(remarks: [String]) {
    for remark in remarks { tell(remark.terminalSafe()) }
  }

  /// Writes lines of text; that nobody can be told of a failure here is no failure.
  static func write(_ text: String) {
    var text = text.hasSuffix("\n") ? text : text + "\n"
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }

  /// What to say about an error, on one line unless it is a list.
  static func message(of error: any Error) -> String {
    let text = String(describing: error)
    return switch error {
    case is ClassifierError, is ParameterMismatch: text.terminalSafe(keepingLines: true)
    default: text.terminalSafe()
    }
  }
}

extension String {
  /// The text without anything that a terminal would act on: file names can hold such bytes.
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
