/// Errors in reading a weight file.
///
/// Every case names the file.
public enum WeightsError: Error, Equatable {
  /// The file cannot be opened: missing, not permitted, or not a regular file.
  case unreadable(path: String, reason: String)

  /// The bytes violate the format; `reason` says where.
  case malformed(path: String, reason: String)

  /// The file is valid but contains something that is not supported.
  case unsupported(path: String, reason: String)

  /// The file requests something that weights never need and that could do harm.
  case refused(path: String, reason: String)

  /// The file contains a network in a form that only Python reads; the lines of `remedy` save its
  /// weights.
  case needsExport(path: String, reason: String, remedy: [String])

  /// The file changed while it was in use.
  case changed(path: String)

  /// A value does not fit the element type to write.
  case unrepresentable(path: String, tensor: String, reason: String)
}

extension WeightsError: CustomStringConvertible {
  /// One line: the file, what is wrong and where; for `needsExport` followed by the remedy.
  ///
  /// Names inside a file are untrusted: control characters are escaped, and long texts are
  /// truncated.
  public var description: String {
    guard case .needsExport(_, _, let remedy) = self else { return sentence.asOneLine }
    return ([sentence] + remedy.map { "  \($0)" }).map(\.asOneLine).joined(separator: "\n")
  }

  private var sentence: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason): "\(path): damaged or not a weight file: \(reason)"
    case .unsupported(let path, let reason): "\(path): not supported: \(reason)"
    case .refused(let path, let reason): "\(path): refused: \(reason)"
    case .needsExport(let path, let reason, _): "\(path): \(reason)"
    case .changed(let path): "\(path): changed while being read"
    case .unrepresentable(let path, let tensor, let reason): "\(path): tensor \(tensor): \(reason)"
    }
  }
}

extension String {
  /// The text with control characters escaped, truncated if it is very long.
  package var asOneLine: String {
    var line = ""
    var length = 0
    for scalar in unicodeScalars {
      if length >= Self.longestLine { return line + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        let escape = "\\u{\(String(scalar.value, radix: 16))}"
        line += escape
        length += escape.unicodeScalars.count
      default:
        line.unicodeScalars.append(scalar)
        length += 1
      }
    }
    return line
  }

  private static let longestLine = 6000
}
