import GraphIR

/// A graph regrouped into what one operator computes at a time.
///
/// Batch norm, activation and residual join the convolution before them, squeeze-excite's pooling
/// joins its first layer, its scaling becomes the gate of the next convolution, and what only
/// training needs disappears.
struct FusedGraph {
  /// One operator to be.
  struct Step {
    enum Kind {
      /// Convolution or linear layer, then batch norm, then activation, then a residual.
      case convolution(Layer)
      /// Squeeze-excite's pooling and its first layer; the second is a convolution.
      case squeeze(Layer, positions: Int)
      case pool
      /// A 1×1 convolution that only a depthwise one reads, and that one.
      case expandDepthwise(expand: Layer, depthwise: Layer)
      /// A 3×3 convolution that only a 1×1 one reads, and that one.
      case expandProject(expand: Layer, project: Layer)
    }

    /// A convolution or linear layer with what follows it.
    struct Layer {
      var node: Node
      var batchNorm: Node?
      var activation: Activation?
    }

    var kind: Kind
    /// Identifier of the node whose value is the step's output.
    var output: Int
    var input: Int
    var residual: Int?
    var gate: Int?
    /// Whether a squeeze-excite reads the sums of this step's output.
    var isSummed = false
    /// Nodes that the step computes.
    var macs: Int
  }

  private(set) var steps: [Step] = []
  let graph: Graph

  init(_ graph: Graph) throws(InferenceError) {
    self.graph = graph
    let links = Links(graph)
    var absorbed: Set<Int> = []
    for node in graph.nodes where !absorbed.contains(node.id) {
      switch node.operation {
      case .input, .stochasticDepth, .dropout: continue
      case .convolution, .linear:
        var step = Step(
          kind: .convolution(.init(node: node)), output: node.id,
          input: links.source(of: node, 0), macs: node.macs)
        if case .scale = graph.nodes[step.input].operation {
          let scale = graph.nodes[step.input]
          step.input = links.source(of: scale, 0)
          step.gate = links.source(of: scale, 1)
        }
        links.absorbEpilogue(of: node, into: &step, &absorbed)
        steps.append(step)
      case .globalAveragePool:
        if let step = links.squeeze(from: node, &absorbed) {
          if let producer = steps.lastIndex(where: { $0.output == step.input }) {
            steps[producer].isSummed = true
          }
          steps.append(step)
        } else {
          steps.append(
            Step(kind: .pool, output: node.id, input: links.source(of: node, 0), macs: 0))
        }
      case .scale:
        // The convolution that reads it applies it as its gate.
        guard let reader = links.onlyReader(of: node.id), case .convolution = reader.operation
        else { throw unsupported(node) }
      case .batchNorm, .activation, .add: throw unsupported(node)
      }
    }
  }

  /// Joins a convolution to the one that alone reads it, wherever `kind` has a step for both.
  ///
  /// - Parameter retained: nodes whose values must be there after a run.
  mutating func joinConvolutions(
    retaining retained: Set<Int>, as kind: (_ first: Step, _ second: Step) -> Step.Kind?
  ) {
    let links = Links(graph)
    var joined: [Step] = []
    for step in steps {
      if let last = joined.last, last.output == step.input, !retained.contains(last.output),
        links.onlyReader(of: last.output) != nil, last.residual == nil, last.gate == nil,
        step.gate == nil, let kind = kind(last, step)
      {
        joined.removeLast()
        var pair = step
        pair.kind = kind
        pair.input = last.input
        pair.macs += last.macs
        joined.append(pair)
      } else {
        joined.append(step)
      }
    }
    steps = joined
  }

  /// The node whose value leaves the network.
  var output: Int { Links(graph).resolve(graph.output) }

  private func unsupported(_ node: Node) -> InferenceError {
    .unsupported(node: node.name, operation: node.operation.moduleName)
  }
}

/// Who reads whose value, what only training needs being looked through.
private struct Links {
  let graph: Graph
  private var readers: [[Int]]

  init(_ graph: Graph) {
    self.graph = graph
    readers = Array(repeating: [], count: graph.nodes.count)
    for node in graph.nodes where !Self.isTransparent(node) {
      for index in node.inputs.indices { readers[source(of: node, index)].append(node.id) }
    }
  }

  private static func isTransparent(_ node: Node) -> Bool {
    switch node.operation {
    case .stochasticDepth, .dropout: true
    default: false
    }
  }

  /// The nearest node at or before `id` that computes something at inference.
  func resolve(_ id: Int) -> Int {
    let node = graph.nodes[id]
    return Self.isTransparent(node) ? resolve(node.inputs[0]) : id
  }

  func source(of node: Node, _ index: Int) -> Int { resolve(node.inputs[index]) }

  func onlyReader(of id: Int) -> Node? {
    readers[id].count == 1 ? graph.nodes[readers[id][0]] : nil
  }

  /// Takes in batch norm, activation and residual as far as each is the only reader of the last.
  func absorbEpilogue(
    of node: Node, into step: inout FusedGraph.Step, _ absorbed: inout Set<Int>
  ) {
    var layer = FusedGraph.Step.Layer(node: node)
    defer { step.kind = .convolution(layer) }
    while let reader = onlyReader(of: step.output) {
      switch reader.operation {
      case .batchNorm where layer.batchNorm == nil && layer.activation == nil:
        layer.batchNorm = reader
      case .activation(let function) where layer.activation == nil: layer.activation = function
      case .add where step.residual == nil:
        let other = source(of: reader, source(of: reader, 0) == step.output ? 1 : 0)
        // The shortcut must be there before the branch's last convolution runs.
        guard other < node.id else { fallthrough }
        step.residual = other
      default: return
      }
      absorbed.insert(reader.id)
      step.output = reader.id
      if step.residual != nil { return }
    }
  }

  /// pool → 1×1 → activation, the sums of what is pooled being left by the step before.
  func squeeze(from pool: Node, _ absorbed: inout Set<Int>) -> FusedGraph.Step? {
    guard let reduce = onlyReader(of: pool.id), case .convolution = reduce.operation,
      let inner = onlyReader(of: reduce.id), case .activation(let function) = inner.operation
    else { return nil }
    absorbed.formUnion([reduce.id, inner.id])
    let input = source(of: pool, 0)
    return FusedGraph.Step(
      kind: .squeeze(
        .init(node: reduce, activation: function), positions: graph.nodes[input].shape.positions),
      output: inner.id, input: input, macs: reduce.macs)
  }
}
