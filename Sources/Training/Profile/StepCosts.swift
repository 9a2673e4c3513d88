// What a step of a tape costs at least, and how it relates to its neighbours.

extension TapeStep {
  /// The values it reads forwards.
  var inputs: [TapeBuffer] {
    switch self {
    case .convolution(let step): [step.input]
    case .expansion(let step): [step.input]
    case .depthwise(let step): [step.input]
    case .normalization(let step): [step.input] + (step.residual.map { [$0] } ?? [])
    case .activation(let step): [step.input]
    case .pool(let step): [step.input]
    case .gate(let step): [step.input, step.gate]
    case .attention(let step): [step.input, step.scores]
    case .layerNorm(let step): [step.input]
    case .dropout(let step): [step.input]
    }
  }

  /// The value it writes forwards.
  var output: TapeBuffer {
    switch self {
    case .convolution(let step): step.output
    case .expansion(let step): step.output
    case .depthwise(let step): step.output
    case .normalization(let step): step.output
    case .activation(let step): step.output
    case .pool(let step): step.output
    case .gate(let step): step.output
    case .attention(let step): step.output
    case .layerNorm(let step): step.output
    case .dropout(let step): step.output
    }
  }

  /// The value whose layer it belongs to; `nil` if it is a layer of its own.
  var continues: TapeBuffer? {
    switch self {
    case .normalization(let step): step.input
    case .activation(let step): step.input
    case .layerNorm(let step): step.input
    case .convolution, .expansion, .depthwise, .pool, .gate, .attention, .dropout: nil
    }
  }

  /// The least cost forwards.
  ///
  /// - Parameters:
  ///   - counts: Floats of each buffer for one image.
  ///   - isPassedOn: Whether other units read the output.
  func forwardCost(_ counts: [Int], isPassedOn: Bool) -> TrainingLayer.Cost {
    var cost = TrainingLayer.Cost()
    switch self {
    case .convolution(let step): cost = step.forwardCost(step.input, counts)
    case .depthwise(let step): cost = step.convolution.forwardCost(step.input, counts)
    case .expansion(let step):
      cost.macs = step.expansion.node.macs + step.depthwise.node.macs
      cost.arithmetic = step.strategy.arithmetic(
        of: [step.expansion.layer, step.depthwise.layer], total: cost.macs)
      cost.arithmetic[.f32, default: 0] += step.momentMultiplyAdds
      cost.bytes = 4 * (counts[step.input] + counts[step.output])
      cost.weightBytes = 4 * step.weightCount
    case .normalization where isPassedOn:
      // What is passed on cannot be formed where it is read: its readers are several.
      cost.bytes = 4 * (inputs + [output]).reduce(0) { $0 + counts[$1] }
    case .pool(let step): cost.bytes = 4 * counts[step.input]
    case .attention(let step): cost.bytes = 4 * counts[step.input]
    case .normalization, .activation, .gate, .layerNorm, .dropout: break
    }
    return cost
  }

  /// The least cost backwards.
  ///
  /// - Parameter counts: Floats of each buffer for one image.
  func backwardCost(_ counts: [Int]) -> TrainingLayer.Cost {
    var cost = TrainingLayer.Cost()
    switch self {
    case .convolution(let step):
      cost = step.backwardCost(
        step.input, counts, hasInputGradient: !step.inputGradient.buffers.isEmpty)
    case .depthwise(let step):
      cost = step.convolution.backwardCost(step.input, counts, hasInputGradient: true)
      cost.bytes += 4 * counts[step.input]
    case .expansion(let step):
      let hasInputGradient = !step.inputGradient.buffers.isEmpty
      cost.macs =
        (hasInputGradient ? 2 : 1) * step.expansion.node.macs + 2 * step.depthwise.node.macs
      cost.arithmetic = step.backward.arithmetic(hasInputGradient: hasInputGradient)
      // The second pass over the input multiplies it with a matrix.
      if hasInputGradient { cost.arithmetic[.f32, default: 0] += step.momentMultiplyAdds }
      cost.bytes = 4 * ((hasInputGradient ? 2 : 1) * counts[step.input] + counts[step.output])
      cost.weightBytes = 4 * (hasInputGradient ? 2 : 1) * step.weightCount
    case .normalization(let step): cost.bytes = 4 * counts[step.input]
    case .gate(let step): cost.bytes = 8 * counts[step.input]
    case .attention(let step): cost.bytes = 8 * counts[step.input]
    case .activation, .pool, .layerNorm, .dropout: break
    }
    return cost
  }
}

extension ConvolutionStep {
  /// The least cost of a convolution of `input` forwards.
  fileprivate func forwardCost(_ input: TapeBuffer, _ counts: [Int]) -> TrainingLayer.Cost {
    var cost = TrainingLayer.Cost()
    cost.macs = node.macs
    cost.arithmetic = strategy.arithmetic(of: [layer], total: forward.multiplyAdds ?? node.macs)
    cost.bytes = 4 * (counts[input] + counts[output])
    cost.weightBytes = 4 * weightCount
    return cost
  }

  /// The least cost backwards.
  fileprivate func backwardCost(
    _ input: TapeBuffer, _ counts: [Int], hasInputGradient: Bool
  ) -> TrainingLayer.Cost {
    var cost = TrainingLayer.Cost()
    cost.macs = node.macs
    cost.arithmetic = [weightGradient.precision: weightGradient.multiplyAdds ?? node.macs]
    cost.bytes = 4 * (counts[input] + counts[output])
    cost.weightBytes = 4 * weightCount
    guard hasInputGradient, let backward else { return cost }
    cost.macs += node.macs
    cost.arithmetic.merge(backward.arithmetic, uniquingKeysWith: +)
    cost.bytes += 4 * counts[input]
    cost.weightBytes += 4 * weightCount
    return cost
  }
}
