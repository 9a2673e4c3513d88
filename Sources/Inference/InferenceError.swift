import Operators

/// Why a network could not be prepared or run.
public enum InferenceError: Error, Equatable, Sendable {
  /// A parameter has invalid values.
  case badParameter(path: String, name: String, reason: String)
  /// The logits for this image of the batch are not all finite.
  ///
  /// `layer` is the first step with non-finite output, or the input.
  case nonFinite(image: Int, layer: String)
  /// The blas backend supports only f32.
  case precision(Precision)
  /// There is no operator for this operation at this point in the graph.
  case unsupported(node: String, operation: String)
}

extension InferenceError: CustomStringConvertible {
  /// One line: what is wrong, and where.
  public var description: String {
    switch self {
    case .badParameter(let path, let name, let reason):
      "\(path): tensor \(name): \(reason)"
    case .nonFinite(let image, let layer):
      "the network's output for image \(image) is not finite, starting at \(layer): the weights do not"
        + " match the model or its preprocessing"
    case .precision(let precision):
      "the blas backend supports only f32; use the simd backend for \(precision.rawValue)"
    case .unsupported(let node, let operation):
      "\(node): \(operation) is not supported at this point in the graph"
    }
  }
}
