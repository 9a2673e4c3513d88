/// The backward pass of a tape.
extension TapeLowering {
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
        if isTrained(step.input) { step.inputGradient = gradientTarget(of: step.input, &gradients) }
        step.gatheredAgain = step.gathered.map { newBuffer(bufferCounts[$0]) }
        steps[index] = .convolution(step)
      case .expansion(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        if isTrained(step.input) { step.inputGradient = gradientTarget(of: step.input, &gradients) }
        steps[index] = .expansion(step)
      case .normalization(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        if let residual = step.residual { gradients[residual] = step.outputGradient }
        assignInputGradient(of: &step, unitOf, &gradients)
        step.outputAgain = again[step.output] ?? step.output
        steps[index] = .normalization(step)
      case .depthwise(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        assignInputGradient(of: &step.normalization, unitOf, &gradients)
        steps[index] = .depthwise(step)
      case .activation(var step):
        step.gradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.gradient
        steps[index] = .activation(step)
      case .pool(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        (step.inputGradient, step.gate) = pooledGradient(of: step.input, &gradients)
        steps[index] = .pool(step)
      case .gate(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.outputGradient
        step.gateGradient = newBuffer(bufferCounts[step.gate])
        gradients[step.gate] = step.gateGradient
        step.outputAgain = again[step.output] ?? step.output
        step.inputAgain = again[step.input] ?? step.input
        steps[index] = .gate(step)
      case .attention(var step):
        step.outputGradient = gradients[step.output] ?? step.output
        step.inputAgain = again[step.input] ?? step.input
        step.scoresGradient = newBuffer(bufferCounts[step.scores])
        gradients[step.scores] = step.scoresGradient
        (step.inputGradient, step.gate) = pooledGradient(of: step.input, &gradients)
        steps[index] = .attention(step)
      case .layerNorm(var step):
        step.gradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.gradient
        steps[index] = .layerNorm(step)
      case .dropout(var step):
        step.gradient = gradients[step.output] ?? step.output
        gradients[step.input] = step.gradient
        steps[index] = .dropout(step)
      }
    }
  }

  /// Gives the gradients of a batch norm's output and input their buffers.
  private mutating func assignInputGradient(
    of step: inout NormalizationStep, _ unitOf: [Int],
    _ gradients: inout [TapeBuffer: TapeBuffer]
  ) {
    step.slope = newBuffer(bufferCounts[step.kept])
    step.inputGradient = isSplit(step.input) ? newBuffer(bufferCounts[step.input]) : step.slope
    gradients[step.input] = step.inputGradient
    recomputeProduct(of: &step, unitOf)
  }

  /// Where a convolution's gradient of a value goes.
  private mutating func gradientTarget(
    of value: TapeBuffer, _ gradients: inout [TapeBuffer: TapeBuffer]
  ) -> ConvolutionStep.GradientTarget {
    let buffer = newBuffer(bufferCounts[value])
    if let sum = gradients[value] { return .add(sum, part: buffer) }
    gradients[value] = buffer
    return .write(buffer)
  }

  /// Lets the backward pass compute a batch norm's input again if it is the largest map of its unit and
  /// follows from what is kept anyway: a convolution's output that is larger than its input, which is
  /// the unit's.
  private mutating func recomputeProduct(of step: inout NormalizationStep, _ unitOf: [Int]) {
    guard recomputes, let index = producers[step.input],
      case .convolution(var convolution) = steps[index],
      producers[convolution.input].map({ unitOf[$0] != unitOf[index] }) ?? true,
      bufferCounts[step.kept] > bufferCounts[convolution.input]
    else { return }
    func product() -> RecomputedProduct {
      let output = newBuffer(bufferCounts[step.input])
      return RecomputedProduct(
        convolution: index, output: output,
        kept: step.kept == step.input ? output : newBuffer(bufferCounts[step.kept]),
        gathered: convolution.gathered.map { newBuffer(bufferCounts[$0]) })
    }
    step.recomputed = product()
    if !step.usesRunningStatistics { step.recomputedAgain = product() }
    convolution.packedAgain = Self.reserve(convolution.forward.packedCount, in: &backwardPacked)
    steps[index] = .convolution(convolution)
  }

  /// Whether the layer that computes a value has sums for each group, so that the value's gradient
  /// lives only while a group runs.
  func isSplit(_ value: TapeBuffer) -> Bool {
    switch producers[value].map({ steps[$0] }) {
    case .convolution(let step): step.isSplit
    case .expansion, .depthwise: true
    default: false
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
    case .convolution, .expansion, .depthwise, .activation, .pool, .attention, .layerNorm, .dropout:
      return (value, [])
    }
  }

  /// The gradient of a value that a pool reads, which a gate may have given a buffer, and that gate's
  /// vector.
  private mutating func pooledGradient(
    of value: TapeBuffer, _ gradients: inout [TapeBuffer: TapeBuffer]
  ) -> (TapeBuffer, gate: TapeBuffer?) {
    if let buffer = gradients[value] { return (buffer, gate(of: value)) }
    let buffer = newBuffer(bufferCounts[value])
    gradients[value] = buffer
    return (buffer, nil)
  }

  /// The vector that gates a value.
  private func gate(of value: TapeBuffer) -> TapeBuffer? {
    for case .gate(let step) in steps where step.input == value { return step.gate }
    return nil
  }
}
