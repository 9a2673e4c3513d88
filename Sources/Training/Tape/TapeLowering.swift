import GraphIR
import Inference
import Operators

/// Lowers a graph to the steps of a tape.
struct TapeLowering {
  private let graph: Graph
  private let store: ParameterStore
  private let target: ComputeTarget
  private let batch: Int
  private let frozenDepth: Int
  private let batchNorm: TrainingConfiguration.BatchNorm
  private let depths: LayerDepths
  /// See `TrainingSession.Options.recomputes`.
  let recomputes: Bool
  /// See `TrainingSession.Options.foldsExpansions`.
  private let foldsExpansions: Bool?

  var steps: [TapeStep] = []
  private(set) var nodes: [Node] = []
  private(set) var units: [TapeUnit] = []
  var bufferCounts: [Int] = []
  private(set) var input: TapeBuffer = 0
  private(set) var logits: TapeBuffer = 0
  var logitsGradient: TapeBuffer = 0
  private(set) var firstTrained = 0
  private(set) var statisticsCount = 0
  /// Floats of packed weights in each direction.
  private(set) var forwardPacked = 0
  var backwardPacked = 0

  /// The buffer of each node's value.
  private var buffers: [Int: TapeBuffer] = [:]
  /// The nodes that read each node.
  private var readers: [[Int]]
  /// The step that writes each buffer in the forward pass.
  var producers: [TapeBuffer: Int] = [:]

  init(
    _ graph: Graph, _ store: ParameterStore, batch: Int, frozenStages: Int,
    batchNorm: TrainingConfiguration.BatchNorm, recomputes: Bool, foldsExpansions: Bool?,
    on target: ComputeTarget
  ) {
    (self.recomputes, self.foldsExpansions) = (recomputes, foldsExpansions)
    (self.graph, self.store, self.target, self.batchNorm) = (graph, store, target, batchNorm)
    self.batch = batch
    depths = LayerDepths(graph)
    frozenDepth = depths.firstTrained(frozen: frozenStages)
    readers = Array(repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for source in node.inputs { readers[source].append(node.id) }
    }
  }

  /// Adds a step for every node, or for several that one step computes.
  mutating func lower() throws(TrainingError) {
    for node in graph.nodes where buffers[node.id] == nil {
      switch node.operation {
      case .input:
        input = newBuffer(node.shape.positions * node.shape.channels)
        buffers[node.id] = input
      case .convolution, .linear: try addConvolution(node)
      case .batchNorm(let epsilon): try addNormalization(node, epsilon: epsilon)
      case .activation(let activation):
        let output = newBuffer(of: node)
        add(
          .activation(
            ActivationStep(
              shape: node.shape, nonlinearity: nonlinearity(activation),
              input: try source(of: node),
              output: output, gradient: output)), node, output)
      case .globalAveragePool:
        let output = newBuffer(of: node)
        add(
          .pool(
            PoolStep(
              shape: graph.nodes[node.inputs[0]].shape, input: try source(of: node),
              output: output, outputGradient: output, inputGradient: output)), node, output)
      case .scale:
        let output = newBuffer(of: node)
        add(
          .gate(
            GateStep(
              shape: node.shape, input: try source(of: node), gate: try source(of: node, 1),
              output: output, inputAgain: output, outputAgain: output, outputGradient: output,
              gateGradient: output)), node, output)
      case .attentionPool:
        let output = newBuffer(of: node)
        add(
          .attention(
            AttentionStep(
              shape: graph.nodes[node.inputs[0]].shape, input: try source(of: node),
              scores: try source(of: node, 1), output: output, inputAgain: output,
              outputGradient: output, scoresGradient: output, inputGradient: output)),
          node, output)
      case .layerNorm(let epsilon):
        guard let weight = store.entry(node.id, .weight), let bias = store.entry(node.id, .bias)
        else { throw .unsupported(node: node.name) }
        let output = newBuffer(of: node)
        add(
          .layerNorm(
            LayerNormStep(
              shape: node.shape, epsilon: epsilon, weight: weight, bias: bias,
              input: try source(of: node), output: output, gradient: output)), node, output)
      case .dropout(let probability):
        let output = newBuffer(of: node)
        add(
          .dropout(
            DropoutStep(
              node: node, shape: node.shape, probability: probability,
              input: try source(of: node), output: output, gradient: output)), node, output)
      case .add, .stochasticDepth: throw .unsupported(node: node.name)
      }
    }
    logits = buffers[graph.output] ?? input
    firstTrained = units.first { $0.isTrained }?.steps.lowerBound ?? steps.count
  }

  private mutating func addConvolution(_ node: Node) throws(TrainingError) {
    let source = graph.nodes[node.inputs[0]]
    let isInput = source.operation == .input
    guard
      let layer = ConvolutionLayer(
        of: node, input: source.shape,
        inputStride: isInput ? source.shape.channels : channelStride(source.shape.channels),
        nonlinearity: .identity),
      let strategy = ConvolutionStrategy.choose(
        for: layer, isGated: false, hasResidual: false, feedsResiduals: false, on: target),
      let weight = store.entry(node.id, .weight)
    else { throw .unsupported(node: node.name) }
    let output = newBuffer(of: node)
    let weightGradient = layer.weightGradient(on: target)
    var step = ConvolutionStep(
      node: node, layer: layer, strategy: strategy,
      forward: strategy.makeOperator(for: [layer], isGated: false, on: target),
      weightGradient: weightGradient,
      backward: isInput ? nil : layer.inputGradient(on: target), weight: weight,
      bias: store.entry(node.id, .bias), isSplit: isSplit(layer, weightGradient),
      input: try self.source(of: node), output: output, inputAgain: output, outputGradient: output)
    if fold(step) || merge(step) { return }
    step.packed = Self.reserve(step.forward.packedCount, in: &forwardPacked)
    step.packedBackward = Self.reserve(step.backward?.packedCount ?? 0, in: &backwardPacked)
    add(.convolution(step), node, output)
  }

  /// Folds a depthwise convolution with the expansion and the batch norm before it, which nothing else
  /// reads, into one step; `false` if it cannot or does not pay.
  private mutating func fold(_ depthwise: ConvolutionStep) -> Bool {
    guard let unit = units.last, unit.steps.count >= 2, unit.block == depthwise.node.block,
      let normalization = normalization(before: depthwise), !normalization.usesRunningStatistics,
      case .convolution(let expansion) = steps[steps.count - 2],
      normalization.input == expansion.output, expansion.bias == nil, isTrained(expansion.node),
      readers[expansion.node.id].count == 1,
      // What other units leave is found by the image, even if this one drops images.
      let producer = producers[expansion.input], !unit.steps.contains(producer),
      foldsExpansions ?? ExpansionStep.pays(expansion.layer.geometry, target.precision)
    else { return false }
    var layer = expansion.layer
    layer.nonlinearity = normalization.nonlinearity
    guard
      case .expandDepthwise(let precision) = ConvolutionStrategy.fuse(
        layer, depthwise.layer, hasResidual: false, feedsResiduals: false, on: target)
    else { return false }
    var step = ExpansionStep(
      expansion, normalization, depthwise, layer, precision, keptOffset: statisticsCount,
      on: target)
    steps.removeLast(2)
    nodes.removeLast(2)
    statisticsCount += step.keptCount
    (forwardPacked, backwardPacked) = (expansion.packed, expansion.packedBackward)
    step.packed = Self.reserve(step.forward.packedCount, in: &forwardPacked)
    step.packedBackward = Self.reserve(step.packedBackwardCount, in: &backwardPacked)
    add(.expansion(step), depthwise.node, step.output)
    nodes[nodes.count - 1] = expansion.node
    return true
  }

  /// Merges a depthwise convolution with the batch norm before it, which nothing else reads; `false` if it
  /// cannot.
  ///
  /// The batch norm may be another unit's, for the same images: a unit that drops images adds its input to
  /// its output, so its input has two readers.
  private mutating func merge(_ depthwise: ConvolutionStep) -> Bool {
    guard let normalization = normalization(before: depthwise),
      isTrained(normalization.node) == isTrained(depthwise.node)
    else { return false }
    steps.removeLast()
    nodes.removeLast()
    let unit = units.count - 1
    units[unit].steps = units[unit].steps.lowerBound..<steps.count
    var step = DepthwiseStep(normalization, depthwise, target.kernels)
    step.packed = Self.reserve(step.forward.packedCount, in: &forwardPacked)
    step.packedBackward = Self.reserve(step.backward.packedCount, in: &backwardPacked)
    add(.depthwise(step), depthwise.node, step.output)
    return true
  }

  /// The batch norm, perhaps with an activation, that a depthwise convolution alone reads.
  private func normalization(before depthwise: ConvolutionStep) -> NormalizationStep? {
    guard depthwise.layer.kind == .depthwise, depthwise.bias == nil,
      case .normalization(let step) = steps.last, step.output == depthwise.input,
      step.residual == nil, depthwise.node.inputs.allSatisfy({ readers[$0].count == 1 })
    else { return nil }
    return step
  }

  /// Whether groups of images have their own sums for the gradient of the weights: if these take less
  /// memory than the maps that would otherwise pass through main memory.
  private func isSplit(_ layer: ConvolutionLayer, _ weightGradient: any WeightGradient) -> Bool {
    let maps = layer.geometry.inputCount + layer.geometry.outputCount
    let size = min(max(1, TapeSchedule.cacheFloats / maps), (batch + 7) / 8)
    return (batch + size - 1) / size * weightGradient.sumCount <= maps * batch
  }

  /// Batch norm, with an activation or a residual connection that is its only reader.
  private mutating func addNormalization(_ node: Node, epsilon: Double) throws(TrainingError) {
    guard let weight = store.entry(node.id, .weight), let bias = store.entry(node.id, .bias),
      let mean = store.entry(node.id, .runningMean),
      let variance = store.entry(node.id, .runningVariance)
    else { throw .unsupported(node: node.name) }
    let input = try source(of: node)
    // Where layers compute the gradient of their weights for each group, all maps are converted in the
    // cache; the others' would pass through main memory a second time.
    let isRounded = target.precision == .bf16 && isTrained(node) && isSplit(input)
    let kept = isRounded ? newBuffer(bufferCounts[input] / 2) : input
    let output = newBuffer(of: node)
    var activation: Activation?
    var residual: TapeBuffer?
    var survival = 1.0
    var last = node
    loop: while residual == nil, readers[last.id].count == 1 {
      let reader = graph.nodes[readers[last.id][0]]
      switch reader.operation {
      case .activation(let function) where activation == nil: activation = function
      case .stochasticDepth(let probability): survival = 1 - probability
      case .add:
        let other = reader.inputs[reader.inputs[0] == last.id ? 1 : 0]
        guard let buffer = buffers[other] else { throw .unsupported(node: reader.name) }
        residual = buffer
      default: break loop
      }
      last = reader
      buffers[reader.id] = output
    }
    let step = NormalizationStep(
      node: node, epsilon: epsilon, nonlinearity: nonlinearity(activation),
      usesRunningStatistics: batchNorm == .fixed || !isTrained(node), statistics: statisticsCount,
      weight: weight, bias: bias, runningMean: mean, runningVariance: variance, input: input,
      kept: kept, element: isRounded ? .bf16 : .f32, output: output,
      residual: residual, survival: survival, outputAgain: output, outputGradient: output,
      slope: output, inputGradient: output)
    statisticsCount += NormalizationStep.vectors * channelStride(node.shape.channels)
    add(.normalization(step), node, output)
    if survival < 1, let residual { drop(survival: survival, residual) }
  }

  /// Lets the current unit drop images: its convolution of the unit's input reads the kept ones.
  private mutating func drop(survival: Double, _ residual: TapeBuffer) {
    let unit = units.count - 1
    units[unit].survival = survival
    for index in units[unit].steps {
      guard case .convolution(var step) = steps[index], step.input == residual else { continue }
      step.gathered = newBuffer(bufferCounts[residual])
      steps[index] = .convolution(step)
    }
  }

  private func nonlinearity(_ activation: Activation?) -> Nonlinearity {
    let exact = Nonlinearity(activation)
    return target.precision == .f32 ? exact : exact.approximated
  }

  private func isTrained(_ node: Node) -> Bool { depths[node] >= frozenDepth }

  private mutating func add(_ step: TapeStep, _ node: Node, _ output: TapeBuffer) {
    if units.isEmpty || units[units.count - 1].block != node.block {
      units.append(
        TapeUnit(
          block: node.block, steps: steps.count..<steps.count, isTrained: isTrained(node)))
    }
    buffers[node.id] = output
    producers[output] = steps.count
    steps.append(step)
    nodes.append(node)
    let unit = units.count - 1
    units[unit].steps = units[unit].steps.lowerBound..<steps.count
  }

  private func source(of node: Node, _ index: Int = 0) throws(TrainingError) -> TapeBuffer {
    guard let buffer = buffers[node.inputs[index]] else { throw .unsupported(node: node.name) }
    return buffer
  }

  private mutating func newBuffer(of node: Node) -> TapeBuffer {
    newBuffer(node.shape.positions * channelStride(node.shape.channels))
  }

  mutating func newBuffer(_ count: Int) -> TapeBuffer {
    bufferCounts.append(count)
    return bufferCounts.count - 1
  }

  static func reserve(_ count: Int, in total: inout Int) -> Int {
    defer { total += (count + 15) & ~15 }
    return total
  }

  /// Floats of packed weights: those of one direction take the place of the other's.
  var packedCount: Int { max(forwardPacked, backwardPacked) }
}
