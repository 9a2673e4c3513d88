/// The output of a node while a graph is being built.
public struct Value: Sendable {
  /// The node's identifier.
  public let id: Int
  /// The node's output shape.
  public let shape: TensorShape
  /// Input pixels per position, in each direction.
  let reduction: Int
}

/// Builds a `Graph` node by node; module paths, roles and blocks follow from the nesting of `scope`
/// calls.
///
/// Impossible shapes are programming errors in a model definition, hence preconditions.
public struct GraphBuilder: Sendable {
  private let name: String
  private var path: [String] = []
  private var role = NodeRole.input
  private var block: Block?
  private var nodes: [Node] = []
  private var modules: [String: String] = [:]

  /// An empty graph called `name`.
  public init(name: String) {
    self.name = name
  }

  /// The graph that computes `output`.
  public func graph(output: Value) -> Graph {
    Graph(name: name, nodes: nodes, output: output.id, modules: modules)
  }

  /// Runs `body` inside the module `name`, of type `kind`.
  ///
  /// - Parameters:
  ///   - role: the role of the nodes inside; by default that of the enclosing scope.
  ///   - block: the block of the nodes inside; by default that of the enclosing scope.
  public mutating func scope<Result>(
    _ name: String, kind: String, role: NodeRole? = nil, block: Block? = nil,
    _ body: (inout GraphBuilder) -> Result
  ) -> Result {
    let outer = (role: self.role, block: self.block)
    path.append(name)
    modules[path.joined(separator: ".")] = kind
    self.role = role ?? outer.role
    self.block = block ?? outer.block
    defer {
      path.removeLast()
      (self.role, self.block) = outer
    }
    return body(&self)
  }

  /// The normalised image.
  public mutating func input(_ shape: TensorShape) -> Value {
    append(.input, "input", [], shape, role: .input)
  }

  /// A convolution to `channels` output channels.
  public mutating func convolution(
    _ input: Value, _ name: String, channels: Int, _ convolution: Convolution,
    role: NodeRole? = nil
  ) -> Value {
    let inputChannels = input.shape.channels
    precondition(inputChannels % convolution.groups == 0 && channels % convolution.groups == 0)
    let shape = convolution.outputShape(of: input.shape, channels: channels)
    let kernel = convolution.kernel
    let weight = [channels, inputChannels / convolution.groups, kernel, kernel]
    return append(
      .convolution(convolution), name, [input], shape,
      parameters: [(.weight, "weight", weight)]
        + (convolution.hasBias ? [(.bias, "bias", [channels])] : []),
      macs: shape.positions * weight.reduce(1, *), role: role,
      reduction: input.reduction * convolution.stride)
  }

  /// Batch norm with `epsilon` added to the variance.
  public mutating func batchNorm(_ input: Value, _ name: String, epsilon: Double) -> Value {
    let channels = [input.shape.channels]
    return append(
      .batchNorm(epsilon: epsilon), name, [input], input.shape,
      parameters: [
        (.weight, "weight", channels), (.bias, "bias", channels),
        (.runningMean, "running_mean", channels), (.runningVariance, "running_var", channels),
      ])
  }

  /// An element-wise non-linearity.
  public mutating func activation(
    _ input: Value, _ name: String, _ activation: Activation, role: NodeRole? = nil
  ) -> Value {
    append(.activation(activation), name, [input], input.shape, role: role)
  }

  /// The residual connection `branch + shortcut`.
  public mutating func add(_ branch: Value, _ shortcut: Value) -> Value {
    precondition(branch.shape == shortcut.shape)
    return append(.add, "add", [branch, shortcut], branch.shape, role: .residual)
  }

  /// The mean over all positions.
  public mutating func globalAveragePool(
    _ input: Value, _ name: String, role: NodeRole = .pool
  ) -> Value {
    append(
      .globalAveragePool, name, [input], TensorShape(channels: input.shape.channels), role: role)
  }

  /// The mean over all positions, weighted by the softmax of `scores`, which has one channel.
  public mutating func attentionPool(
    _ input: Value, scores: Value, _ name: String, role: NodeRole = .squeeze
  ) -> Value {
    precondition(
      scores.shape
        == TensorShape(height: input.shape.height, width: input.shape.width, channels: 1))
    return append(
      .attentionPool, name, [input, scores], TensorShape(channels: input.shape.channels),
      role: role)
  }

  /// Layer norm of a vector with `epsilon` added to the variance.
  public mutating func layerNorm(
    _ input: Value, _ name: String, epsilon: Double, role: NodeRole? = nil
  ) -> Value {
    precondition(input.shape.positions == 1)
    let channels = [input.shape.channels]
    return append(
      .layerNorm(epsilon: epsilon), name, [input], input.shape,
      parameters: [(.weight, "weight", channels), (.bias, "bias", channels)], role: role)
  }

  /// `input` times `gate`, a vector broadcast over positions.
  public mutating func scale(_ input: Value, by gate: Value) -> Value {
    precondition(gate.shape == TensorShape(channels: input.shape.channels))
    return append(.scale, "scale", [input, gate], input.shape, role: .gate)
  }

  /// A fully connected layer on a vector.
  public mutating func linear(
    _ input: Value, _ name: String, outputs: Int, hasBias: Bool = true,
    role: NodeRole = .classifier
  ) -> Value {
    precondition(input.shape.positions == 1)
    let inputs = input.shape.channels
    return append(
      .linear, name, [input], TensorShape(channels: outputs),
      parameters: [(.weight, "weight", [outputs, inputs])]
        + (hasBias ? [(.bias, "bias", [outputs])] : []),
      macs: outputs * inputs, role: role)
  }

  /// Stochastic depth on a residual branch; the identity at inference.
  public mutating func stochasticDepth(
    _ input: Value, _ name: String, probability: Double
  ) -> Value {
    append(
      .stochasticDepth(probability: probability), name, [input], input.shape, role: .residual)
  }

  /// Dropout; the identity at inference.
  public mutating func dropout(_ input: Value, _ name: String, probability: Double) -> Value {
    append(
      .dropout(probability: probability), name, [input], input.shape, role: .classifier)
  }

  private mutating func append(
    _ operation: Operation, _ name: String, _ inputs: [Value], _ shape: TensorShape,
    parameters: [(role: Parameter.Role, name: String, shape: [Int])] = [], macs: Int = 0,
    role: NodeRole? = nil, reduction: Int? = nil
  ) -> Value {
    let fullName = (path + [name]).joined(separator: ".")
    let reduction = reduction ?? inputs.first?.reduction ?? 1
    nodes.append(
      Node(
        id: nodes.count, name: fullName, operation: operation, role: role ?? self.role,
        block: block,
        reduction: reduction, inputs: inputs.map(\.id), shape: shape,
        parameters: parameters.map {
          Parameter(name: "\(fullName).\($0.name)", role: $0.role, shape: $0.shape)
        },
        macs: macs))
    return Value(id: nodes.count - 1, shape: shape, reduction: reduction)
  }
}
