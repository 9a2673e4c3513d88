/// A named tensor that a node reads from the weight file.
public struct Parameter: Hashable, Sendable {
  /// What the tensor is to its node.
  public enum Role: Hashable, Sendable {
    case weight
    case bias
    /// Batch norm's statistics: stored with the weights, but not trained.
    case runningMean
    case runningVariance
  }

  /// The name in torchvision's `state_dict`, such as `features.1.0.block.0.0.weight`.
  public let name: String
  /// What it is to its node.
  public let role: Role
  /// PyTorch's shape: `[out, in / groups, kernel, kernel]` for a convolution, `[out, in]` for a
  /// linear layer, `[channels]` otherwise.
  public let shape: [Int]

  /// Scalars in the tensor.
  public var count: Int { shape.reduce(1, *) }

  /// Whether training would change it: what published parameter counts count.
  public var isTrainable: Bool { role == .weight || role == .bias }

  /// A parameter called `name`.
  public init(name: String, role: Role, shape: [Int]) {
    self.name = name
    self.role = role
    self.shape = shape
  }
}
