/// Why training cannot start or go on.
public enum TrainingError: Error, Equatable, Sendable {
  /// A node has no gradient where it is.
  case unsupported(node: String)
  /// A value became NaN or infinite.
  ///
  /// - Parameters:
  ///   - place: The layer or parameter.
  ///   - images: The images of the batch with such values, by their place in it.
  case nonFinite(place: String, images: [Int])
}

extension TrainingError: CustomStringConvertible {
  /// One line: what is wrong, and what to do.
  public var description: String {
    switch self {
    case .unsupported(let node): "\(node) cannot be trained"
    case .nonFinite(let place, _):
      "training diverged: \(place) is no longer finite; use a lower learning rate, a longer warm-up or"
        + " gradient clipping"
    }
  }
}
