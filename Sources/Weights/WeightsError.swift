/// What can go wrong with a file of weights.
///
/// Every case names the file.
public enum WeightsError: Error, Equatable {
  /// The file cannot be opened: missing, not permitted, or not a regular file.
  case unreadable(path: String, reason: String)

  /// The bytes contradict the format; `reason` tells where.
  case malformed(path: String, reason: String)

  /// The file is in order, but holds something this library does not read.
  case unsupported(path: String, reason: String)

  /// The file asks for something that reading weights never needs, and that could do harm.
  case refused(path: String, reason: String)

  /// The file changed its size or content while it was in use.
  case changed(path: String)

  /// A value does not fit the element type it was to be stored as.
  case unrepresentable(path: String, tensor: String, reason: String)
}

extension WeightsError: CustomStringConvertible {
  /// One line: the file, what is wrong and where, and where there is one, the way out.
  ///
  /// Names inside a file are hostile too: control characters are escaped, so that none reaches a
  /// terminal, and a long text is cut.
  public var description: String {
    var line = ""
    for scalar in sentence.unicodeScalars {
      if line.unicodeScalars.count >= Self.longestLine { return line + "…" }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator:
        line += "\\u{\(String(scalar.value, radix: 16))}"
      default: line.unicodeScalars.append(scalar)
      }
    }
    return line
  }

  private static let longestLine = 6000

  private var sentence: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let reason): "\(path): damaged or not a weight file: \(reason)"
    case .unsupported(let path, let reason): "\(path): not supported: \(reason)"
    case .refused(let path, let reason): "\(path): refused: \(reason)"
    case .changed(let path): "\(path): changed while it was being read"
    case .unrepresentable(let path, let tensor, let reason): "\(path): tensor \(tensor): \(reason)"
    }
  }
}
