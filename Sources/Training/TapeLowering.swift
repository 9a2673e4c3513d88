import GraphIR
import Inference
import Operators

/// Lowers a graph to the steps of a tape.
struct TapeLowering {
  private let graph: Graph
  private let store: ParameterStore
  private let target: ComputeTarget
  private let frozenDepth: Int
  private let batchNorm: TrainingConfiguration.BatchNorm
  private let depths: LayerDepths

  private(set) var steps: [TapeStep] = []
  private(set) var units: [TapeUnit] = []
  private(set) var bufferCounts: [Int] = []
  private(set) var input: TapeBuffer = 0
  private(set) var logits: TapeBuffer = 0
  private(set) var logitsGradient: TapeBuffer = 0
  private(set) var firstTrained = 0
  private(set) var statisticsCount = 0
  private(set) var packedCount = 0

  /// The buffer of each node's value.
  private var buffers: [Int: TapeBuffer] = [:]
  /// The nodes that read each node.
  private var readers: [[Int]]
  /// The step that writes each buffer in the forward pass.
  private var producers: [TapeBuffer: Int] = [:]

  init(
    _ graph: Graph, _ store: ParameterStore, frozenStages: Int,
    batchNorm: TrainingConfiguration.BatchNorm, on target: ComputeTarget
  ) {
    (self.graph, self.store, self.target, self.batchNorm) = (graph, store, target, batchNorm)
    frozenDepth = LayerDepths.depth(frozen: frozenStages)
    depths = LayerDepths(graph)
    readers = Array(repeating: [], count: graph.nodes.count)
    for node in graph.nodes {
      for source in node.inputs { readers[source].append(node.id) }
    }
  }

  // MARK: Forward

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
              shape: node.shape, nonlinearity: Nonlinearity(activation),
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
        for: layer, isGated: false, hasResidual: false, on: target),
      let weight = store.entry(node.id, .weight)
    else { throw .unsupported(node: node.name) }
    let output = newBuffer(of: node)
    var step = ConvolutionStep(
      node: node, layer: layer,
      forward: strategy.makeOperator(for: [layer], isGated: false, on: target),
      weightGradient: layer.weightGradient(kernels: target.kernels),
      backward: isInput ? nil : layer.inputGradient(on: target), weight: weight,
      bias: store.entry(node.id, .bias), input: try self.source(of: node), output: output,
      inputAgain: output, outputGradient: output)
    step.packed = reservePacked(step.forward.packedCount)
    step.packedBackward = reservePacked(step.backward?.packedCount ?? 0)
    add(.convolution(step), node, output)
  }

  /// Batch norm, with an activation or a residual connection that is its only reader.
  private mutating func addNormalization(_ node: Node, epsilon: Double) throws(TrainingError) {
    guard let weight = store.entry(node.id, .weight), let bias = store.entry(node.id, .bias),
      let mean = store.entry(node.id, .runningMean),
      let variance = store.entry(node.id, .runningVariance)
    else { throw .unsupported(node: node.name) }
    let input = try source(of: node)
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
      node: node, epsilon: epsilon, nonlinearity: Nonlinearity(activation),
      usesRunningStatistics: batchNorm == .fixed || !isTrained(node), statistics: statisticsCount,
      weight: weight, bias: bias,
      runningMean: mean, runningVariance: variance, input: input, output: output,
      residual: residual, survival: survival, outputAgain: output, outputGradient: output,
      inputGradient: output)
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

  private mutating func newBuffer(_ count: Int) -> TapeBuffer {
    bufferCounts.append(count)
    return bufferCounts.count - 1
  }

  private mutating func reservePacked(_ count: Int) -> Int {
    defer { packedCount += (count + 15) & ~15 }
    return packedCount
  }

  // MARK: Backward

  /// Gives every gradient a buffer, and decides which values are kept and which are recomputed.
  mutating func assignGradients() {
    /// The gradient of each value.
    var gradients: [TapeBuffer: TapeBuffer] = [:]
    /// The copy that the backward pass reads.
    var again: [TapeBuffer: TapeBuffer] = [:]
    logitsGradient = newBuffer(bufferCounts[logits])
    gradients[logits] = logitsGradient
    let unitOf = units.enumerated().flatMap { index, unit in unit.steps.map { _ in index } }

    /// Whether the gradient of a value is needed.
    func isTrained(_ buffer: TapeBuffer) -> Bool {
      producers[buffer].map { $0 >= firstTrained } ?? false
    }
    for index in steps.indices.reversed() where index >= firstTrained {
      switch steps[index] {
      case .convolution(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        (step.inputAgain, step.recomputed) = recompute(
          step.input, in: unitOf[index], unitOf: unitOf, &again)
        if isTrained(step.input) {
          if let buffer = gradients[step.input] {
            step.inputGradient = .add(buffer, part: newBuffer(bufferCounts[step.input]))
          } else {
            let buffer = newBuffer(bufferCounts[step.input])
            gradients[step.input] = buffer
            step.inputGradient = .write(buffer)
          }
        }
        steps[index] = .convolution(step)
      case .normalization(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        step.inputGradient = step.outputGradient
        if let residual = step.residual {
          gradients[residual] = step.outputGradient
          step.inputGradient = newBuffer(bufferCounts[step.input])
        }
        gradients[step.input] = step.inputGradient
        step.outputAgain = again[step.output] ?? step.output
        steps[index] = .normalization(step)
      case .activation(var step):
        step.gradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.gradient
        steps[index] = .activation(step)
      case .pool(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        if let buffer = gradients[step.input] {
          step.inputGradient = buffer
          step.gate = gate(of: step.input)
        } else {
          step.inputGradient = newBuffer(bufferCounts[step.input])
          gradients[step.input] = step.inputGradient
        }
        steps[index] = .pool(step)
      case .gate(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.outputGradient
        step.gateGradient = newBuffer(bufferCounts[step.gate])
        gradients[step.gate] = step.gateGradient
        step.outputAgain = again[step.output] ?? step.output
        step.inputAgain = again[step.input] ?? step.input
        steps[index] = .gate(step)
      case .dropout(var step):
        step.gradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.gradient
        steps[index] = .dropout(step)
      }
    }
  }

  /// Where the backward pass finds a value, and the steps that must recompute it first.
  private mutating func recompute(
    _ value: TapeBuffer, in unit: Int, unitOf: [Int], _ again: inout [TapeBuffer: TapeBuffer]
  ) -> (TapeBuffer, [Int]) {
    guard let producer = producers[value], unitOf[producer] == unit else { return (value, []) }
    switch steps[producer] {
    case .normalization:
      let copy = again[value] ?? newBuffer(bufferCounts[value])
      again[value] = copy
      return (copy, [producer])
    case .gate(let step):
      let (_, before) = recompute(step.input, in: unit, unitOf: unitOf, &again)
      let copy = newBuffer(bufferCounts[value])
      again[value] = copy
      return (copy, before + [producer])
    case .convolution, .activation, .pool, .dropout: return (value, [])
    }
  }

  /// The vector that gates a value.
  private func gate(of value: TapeBuffer) -> TapeBuffer? {
    for case .gate(let step) in steps where step.input == value { return step.gate }
    return nil
  }

  /// When each buffer is in use.
  func lifetimes() -> [ClosedRange<Int>] {
    let end = steps.count
    var lifetimes = [ClosedRange<Int>?](repeating: nil, count: bufferCounts.count)
    func use(_ buffers: [TapeBuffer], at time: Int) {
      for buffer in buffers {
        let known = lifetimes[buffer]
        lifetimes[buffer] =
          min(known?.lowerBound ?? time, time)...max(known?.upperBound ?? time, time)
      }
    }
    use([input], at: 0)
    use([logits, logitsGradient], at: end)
    for (index, step) in steps.enumerated() {
      use(step.forwardBuffers, at: index)
      guard index >= firstTrained else { continue }
      use(step.backwardBuffers, at: 2 * end - index)
      for other in step.recomputed { use(steps[other].recomputedBuffers, at: 2 * end - index) }
    }
    return lifetimes.map { $0 ?? 0...0 }
  }
}
