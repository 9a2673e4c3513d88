import GraphIR

/// The nodes of a graph that one step computes.
struct NodeGroup {
  enum Kind {
    /// Layers with weights and their epilogues: one layer, or two fused ones.
    case layers
    /// Squeeze-excite's pooling and first layer; the second layer is an ordinary convolution.
    case squeeze
    case pool
    /// A mean weighted by the scores that are its gate.
    case attentionPool
    /// Layer norm with the activation after it.
    case layerNorm(epsilon: Double)
  }

  var kind: Kind
  var layers: [FoldedLayer] = []
  /// The node that the group reads.
  var input: Int
  /// The node that is the group's output.
  var output: Int
  /// The node that is added at the end.
  var residual: Int?
  /// The node that multiplies the input's channels.
  var gate: Int?
  /// Multiply-accumulates for one image.
  var macs: Int

  /// Whether it consists of layers only.
  var isLayers: Bool {
    if case .layers = kind { true } else { false }
  }

  /// Whether it is a linear bottleneck without a residual, the start of a stage: all residuals of the stage
  /// are added to its output.
  var feedsResiduals: Bool {
    isLayers && residual == nil && layers.last?.activation == nil
  }
}

/// A convolution or linear layer, with the nodes that are folded into it.
struct FoldedLayer: Sendable {
  let node: Node
  var batchNorm: Node?
  var activation: Activation?
}

/// Groups a graph's nodes for inference.
///
/// Batch norm, activation and residual are merged into the preceding convolution, squeeze-excite's
/// pooling into its first layer; its scaling becomes the gate of the next convolution, and nodes
/// that only training needs are removed.
struct NodeGrouping {
  private(set) var groups: [NodeGroup] = []
  private let graph: Graph
  /// The nodes that read each node.
  private var readers: [[Int]]

  /// - Throws: `InferenceError.unsupported`.
  init(_ graph: Graph) throws(InferenceError) {
    self.graph = graph
    readers = Array(repeating: [], count: graph.nodes.count)
    for node in graph.nodes where !node.isIdentityAtInference {
      for index in node.inputs.indices { readers[source(of: node, index)].append(node.id) }
    }
    var absorbed = [Bool](repeating: false, count: graph.nodes.count)
    for node in graph.nodes where !absorbed[node.id] {
      switch node.operation {
      case .input, .stochasticDepth, .dropout: continue
      case .convolution, .linear: groups.append(layerGroup(of: node, &absorbed))
      case .globalAveragePool where node.role == .squeeze:
        guard let reduce = onlyReader(of: node.id) else { throw unsupported(node) }
        var group = layerGroup(of: reduce, &absorbed)
        group.kind = .squeeze
        group.input = source(of: node, 0)
        absorbed[reduce.id] = true
        groups.append(group)
      case .globalAveragePool:
        groups.append(
          NodeGroup(kind: .pool, input: source(of: node, 0), output: node.id, macs: 0))
      case .attentionPool:
        groups.append(
          NodeGroup(
            kind: .attentionPool, input: source(of: node, 0), output: node.id,
            gate: source(of: node, 1), macs: 0))
      case .layerNorm(let epsilon):
        var group = layerGroup(of: node, &absorbed)
        guard group.residual == nil, group.layers[0].batchNorm == nil else {
          throw unsupported(node)
        }
        group.kind = .layerNorm(epsilon: epsilon)
        groups.append(group)
      case .scale:
        // The convolution that reads this node applies it as its gate.
        guard let reader = onlyReader(of: node.id), case .convolution = reader.operation
        else { throw unsupported(node) }
      case .batchNorm, .activation, .add: throw unsupported(node)
      }
    }
  }

  /// The network's output node.
  var output: Int { resolve(graph.output) }

  /// The only node that reads the node `id`, if there is just one.
  func onlyReader(of id: Int) -> Node? {
    readers[id].count == 1 ? graph.nodes[readers[id][0]] : nil
  }

  /// A layer, its gate, and the following batch norm, activation and residual, as long as each is
  /// the only reader of the previous node.
  private func layerGroup(of node: Node, _ absorbed: inout [Bool]) -> NodeGroup {
    var group = NodeGroup(
      kind: .layers, input: source(of: node, 0), output: node.id, macs: node.macs)
    let input = graph.nodes[group.input]
    if case .scale = input.operation {
      group.input = source(of: input, 0)
      group.gate = source(of: input, 1)
    }
    var layer = FoldedLayer(node: node)
    loop: while group.residual == nil, let reader = onlyReader(of: group.output) {
      switch reader.operation {
      case .batchNorm where layer.batchNorm == nil && layer.activation == nil:
        layer.batchNorm = reader
      case .activation(let function) where layer.activation == nil: layer.activation = function
      case .add:
        let other = source(of: reader, source(of: reader, 0) == group.output ? 1 : 0)
        // The shortcut must be available before the branch's last convolution runs.
        guard other < node.id else { break loop }
        group.residual = other
      default: break loop
      }
      absorbed[reader.id] = true
      group.output = reader.id
    }
    group.layers = [layer]
    return group
  }

  /// The nearest node at or before `id` that computes something at inference.
  private func resolve(_ id: Int) -> Int {
    let node = graph.nodes[id]
    return node.isIdentityAtInference ? resolve(node.inputs[0]) : id
  }

  private func source(of node: Node, _ index: Int) -> Int { resolve(node.inputs[index]) }

  private func unsupported(_ node: Node) -> InferenceError {
    .unsupported(node: node.name, operation: node.operation.moduleName)
  }
}

extension Node {
  fileprivate var isIdentityAtInference: Bool {
    switch operation {
    case .stochasticDepth, .dropout: true
    default: false
    }
  }
}
