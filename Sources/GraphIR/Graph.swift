/// One operation of a network, with its inputs, its output shape and its parameters' names.
public struct Node: Sendable, Identifiable {
  /// Position in `Graph.nodes`; inputs always have smaller identifiers.
  public let id: Int
  /// Dotted module path, equal to torchvision's, such as `features.1.0.block.0.0`.
  public let name: String
  /// The operation that it computes.
  public let operation: Operation
  /// The layer that it belongs to.
  public let role: NodeRole
  /// The block that it is part of; `nil` in stem, head and classifier.
  public let block: Block?
  /// The block's stage; `nil` in stem, head and classifier.
  public var stage: Int? { block?.stage }
  /// Input pixels per position of the output, in each direction: the product of all strides so far.
  public let reduction: Int
  /// Identifiers of the nodes whose outputs it reads.
  public let inputs: [Int]
  /// Shape of its output for one image.
  public let shape: TensorShape
  /// The tensors it reads from the weight file.
  public let parameters: [Parameter]
  /// Multiply-accumulates for one image, counting convolutions and linear layers as published figures
  /// do.
  public let macs: Int
}

/// A network as a pure value: a list of nodes in an order in which they can be computed.
///
/// It has names, structure, shapes and costs, but neither weights nor information on how to run it.
public struct Graph: Sendable {
  /// The model's name, such as `effnetv2-s`.
  public let name: String
  /// The nodes; the first is the input.
  public let nodes: [Node]
  /// Identifier of the node that outputs the logits.
  public let output: Int
  /// The kind of every enclosing module by its path, such as `features.1.0` → `FusedMBConv`.
  public let modules: [String: String]

  /// The input's shape.
  public var inputShape: TensorShape { nodes[0].shape }
  /// The number of classes.
  public var classCount: Int { nodes[output].shape.channels }
  /// Every parameter, in the order of the nodes.
  public var parameters: [Parameter] { nodes.flatMap(\.parameters) }
  /// Trainable scalars: the published parameter count.
  public var parameterCount: Int {
    parameters.lazy.filter(\.isTrainable).map(\.count).reduce(0, +)
  }
  /// Multiply-accumulates for one image.
  public var macs: Int { nodes.lazy.map(\.macs).reduce(0, +) }
}

/// A named tensor that a node reads from the weight file.
public struct Parameter: Hashable, Sendable {
  /// The role of the tensor in its node.
  public enum Role: Hashable, Sendable {
    case weight
    case bias
    /// Batch norm's statistics: stored with the weights, but not trained.
    case runningMean
    case runningVariance
  }

  /// The name in torchvision's `state_dict`, such as `features.1.0.block.0.0.weight`.
  public let name: String
  /// The role of the tensor in its node.
  public let role: Role
  /// PyTorch's shape: `[out, in / groups, kernel, kernel]` for a convolution, `[out, in]` for a
  /// linear layer, `[channels]` otherwise.
  public let shape: [Int]

  /// Scalars in the tensor.
  public var count: Int { shape.reduce(1, *) }

  /// Whether the tensor is trainable, and so included in published parameter counts.
  public var isTrainable: Bool { role == .weight || role == .bias }

  /// A parameter called `name`.
  public init(name: String, role: Role, shape: [Int]) {
    self.name = name
    self.role = role
    self.shape = shape
  }
}
