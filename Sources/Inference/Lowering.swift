import GraphIR
import Operators

/// Lowers a graph to a program: groups its nodes, fuses layers, assigns an operator to every step
/// and a number to every value.
///
/// Everything depends only on shapes; no weights are read.
struct Lowering {
  private let graph: Graph
  private let target: ComputeTarget
  private var values: [Program.Value] = []
  /// The value of each node that has one.
  private var nodeValues: [Int?]
  /// The step that computes each node's value.
  private var producers: [Int?]
  private var steps: [Program.Step] = []

  /// Lowers `graph`.
  ///
  /// - Throws: `InferenceError.unsupported` and `.precision`, `ProcessorError`, `OpenBLASError`.
  static func program(
    for graph: Graph, options: InferenceSession.Options
  ) throws -> Program {
    let (backend, target) = try options.backend.target(options.precision)
    let retained = options.retained
    var lowering = Lowering(graph, target)
    let grouping = try NodeGrouping(graph)
    try lowering.emit(grouping, retained: retained)
    let output = try lowering.value(of: grouping.output)
    return Program(
      steps: lowering.steps, values: lowering.values, nodeValues: lowering.nodeValues,
      input: 0, output: output, retained: try retained.map(lowering.value), backend: backend,
      precision: options.precision)
  }

  private init(_ graph: Graph, _ target: ComputeTarget) {
    self.graph = graph
    self.target = target
    nodeValues = Array(repeating: nil, count: graph.nodes.count)
    producers = nodeValues
    // The image's positions are not padded, because three channels would become eight.
    nodeValues[0] = addValue(
      positions: graph.inputShape.positions, stride: graph.inputShape.channels)
  }

  private mutating func emit(_ grouping: NodeGrouping, retained: [Int]) throws {
    var fused: [(group: NodeGroup, strategy: ConvolutionStrategy?)] = []
    for group in grouping.groups {
      if let last = fused.last?.group, last.output == group.input,
        grouping.onlyReader(of: last.output) != nil, !retained.contains(last.output),
        let strategy = try fuse(last, group)
      {
        fused[fused.count - 1] = (
          NodeGroup(
            kind: .layers, layers: last.layers + group.layers, input: last.input,
            output: group.output, residual: group.residual, macs: last.macs + group.macs), strategy
        )
      } else {
        fused.append((group, nil))
      }
    }
    var isSummed = [Bool](repeating: false, count: graph.nodes.count)
    for (group, _) in fused {
      if case .squeeze = group.kind { isSummed[group.input] = true }
    }
    for (group, strategy) in fused {
      try emit(group, strategy, isSummed: isSummed[group.output])
    }
  }

  /// The strategy for fusing two groups; only the second may read the first.
  private func fuse(
    _ first: NodeGroup, _ second: NodeGroup
  ) throws(InferenceError) -> ConvolutionStrategy? {
    guard first.isLayers, second.isLayers, first.layers.count == 1,
      first.residual == nil, first.gate == nil, second.gate == nil
    else { return nil }
    return ConvolutionStrategy.fuse(
      try layer(first.layers[0], input: first.input),
      try layer(second.layers[0], input: second.input), hasResidual: second.residual != nil,
      feedsResiduals: second.feedsResiduals, on: target)
  }

  private mutating func emit(
    _ group: NodeGroup, _ fusedStrategy: ConvolutionStrategy?, isSummed: Bool
  ) throws(InferenceError) {
    let node = graph.nodes[group.output]
    var input = try value(of: group.input)
    let strategy: String
    let work: any Operator
    var arithmetic: [Precision: Int]?
    switch group.kind {
    case .pool:
      let shape = graph.nodes[group.input].shape
      strategy = "pool"
      work = GlobalAveragePool(
        positions: shape.positions, channels: shape.channels, kernels: target.kernels)
    case .attentionPool:
      let shape = graph.nodes[group.input].shape
      strategy = "attention pool"
      work = AttentionPool(
        positions: shape.positions, channels: shape.channels, kernels: target.kernels)
    case .layerNorm(let epsilon):
      strategy = "layer norm"
      work = LayerNorm(
        channels: node.shape.channels, epsilon: epsilon,
        nonlinearity: Nonlinearity(group.layers[0].activation), kernels: target.kernels)
    case .squeeze:
      guard let producer = producers[group.input].map({ steps[$0] }), let sums = producer.sums
      else {
        throw unsupported(group.input, "squeeze-excite after it")
      }
      input = sums
      strategy = "squeeze"
      work = Squeeze(
        try layer(group.layers[0], input: group.input), sums: producer.work.partialSums,
        positions: graph.nodes[group.input].shape.positions, kernels: target.kernels)
    case .layers:
      let layers = try self.layers(of: group)
      guard
        let chosen = fusedStrategy
          ?? ConvolutionStrategy.choose(
            for: layers[0], isGated: group.gate != nil, hasResidual: group.residual != nil,
            feedsResiduals: group.feedsResiduals, on: target)
      else {
        throw unsupported(
          group.layers[0].node.id, group.gate != nil ? "a gate before it" : "a residual after it")
      }
      strategy = chosen.description
      work = chosen.makeOperator(for: layers, isGated: group.gate != nil, on: target)
      arithmetic = chosen.arithmetic(of: layers, total: work.multiplyAdds ?? group.macs)
    }
    let output = addValue(
      positions: node.shape.positions, stride: channelStride(node.shape.channels))
    var sums: Int?
    if isSummed {
      guard work.partialSums > 0 else { throw unsupported(group.output, "squeeze-excite after it") }
      sums = addValue(positions: work.partialSums, stride: channelStride(node.shape.channels))
    }
    nodeValues[group.output] = output
    producers[group.output] = steps.count
    steps.append(
      Program.Step(
        name: node.name, strategy: strategy, shape: node.shape, macs: group.macs, work: work,
        arithmetic: arithmetic, layers: group.layers, input: input, output: output,
        residual: try group.residual.map(value),
        gate: try group.gate.map(value), sums: sums))
  }

  /// The layers of a group as operators see them; a second layer reads the output of the first.
  private func layers(of group: NodeGroup) throws(InferenceError) -> [ConvolutionLayer] {
    var layers = [try layer(group.layers[0], input: group.input)]
    if group.layers.count > 1 {
      layers.append(try layer(group.layers[1], input: group.layers[0].node.id))
    }
    return layers
  }

  private func layer(
    _ folded: FoldedLayer, input: Int
  ) throws(InferenceError) -> ConvolutionLayer {
    let shape = graph.nodes[input].shape
    let nonlinearity = Nonlinearity(folded.activation)
    let layer = ConvolutionLayer(
      of: folded.node, input: shape,
      inputStride: nodeValues[input].map { values[$0].stride } ?? channelStride(shape.channels),
      nonlinearity: target.precision == .f32 ? nonlinearity : nonlinearity.approximated)
    guard let layer else { throw unsupported(folded.node.id, "a grouped convolution") }
    return layer
  }

  private mutating func addValue(positions: Int, stride: Int) -> Int {
    values.append(Program.Value(count: positions * stride, stride: stride))
    return values.count - 1
  }

  private func value(of node: Int) throws(InferenceError) -> Int {
    guard let value = nodeValues[node] else {
      throw unsupported(node, graph.nodes[node].operation.moduleName)
    }
    return value
  }

  private func unsupported(_ node: Int, _ operation: String) -> InferenceError {
    .unsupported(node: graph.nodes[node].name, operation: operation)
  }
}
