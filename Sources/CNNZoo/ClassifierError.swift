/// Why an image could not be classified.
public enum ClassifierError: Error, Equatable, Sendable {
  /// A logit is NaN or infinite: the weights or the input are damaged; `layer` is the first whose
  /// output is not finite, where it is known.
  case nonFiniteLogit(index: Int, layer: String? = nil)
}

extension ClassifierError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .nonFiniteLogit(let index, let layer):
      "the logit of class \(index) is not a finite number"
        + (layer.map { ", nor is the output of \($0)" } ?? "")
        + "; the weights or the input are damaged"
    }
  }
}
