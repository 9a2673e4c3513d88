/// Why a network could not be prepared or run.
public enum InferenceError: Error, Equatable, Sendable {
  /// A parameter whose values no network can have.
  case badParameter(path: String, name: String, reason: String)
  /// The logits of this image of the batch are not all finite; `layer` is the first step of the plan
  /// whose output is not, or the input.
  case nonFinite(image: Int, layer: String)
  /// The graph has an operation in a place where the engine has no operator for it.
  case unsupported(node: String, operation: String)
}

extension InferenceError: CustomStringConvertible {
  /// One line: what is wrong, and where.
  public var description: String {
    switch self {
    case .badParameter(let path, let name, let reason):
      "\(path): tensor \(name): \(reason)"
    case .nonFinite(let image, let layer):
      "the network's output for image \(image) is not finite, from \(layer) on: the weights do not"
        + " suit the model or its preprocessing"
    case .unsupported(let node, let operation):
      "\(node): \(operation) cannot be computed in this place of a graph"
    }
  }
}
