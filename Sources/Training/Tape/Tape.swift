import GraphIR
import Inference
import Kernels
import Operators

/// A network lowered for training: segments that run forwards, then others that run backwards.
///
/// Like an inference program, it depends only on shapes. Kept for the backward pass are the outputs of
/// convolutions and the inputs of units; batch norm's outputs are recomputed from them, and so is all of a
/// folded expansion. With bf16, outputs of convolutions are kept as bf16, and so are gradients that wait for
/// batch norm's sums.
struct Tape {
  let steps: [TapeStep]
  /// The node that each step begins with.
  let nodes: [Node]
  let units: [TapeUnit]
  let schedule: TapeSchedule
  /// Floats of each buffer for one image.
  let bufferCounts: [Int]
  /// The normalised images.
  let input: TapeBuffer
  let logits: TapeBuffer
  let logitsGradient: TapeBuffer
  /// The first step of the first trained unit; the backward pass ends there.
  let firstTrained: Int
  /// Floats of batch norm's vectors.
  let statisticsCount: Int
  /// Floats of packed weights, for one direction at a time.
  let packedCount: Int

  /// Lowers `graph` for batches of at most `batch` images.
  ///
  /// - Throws: `TrainingError.unsupported`.
  init(
    _ graph: Graph, _ store: ParameterStore, batch: Int, frozenStages: Int,
    batchNorm: TrainingConfiguration.BatchNorm, recomputes: Bool, foldsExpansions: Bool?,
    on target: ComputeTarget
  ) throws(TrainingError) {
    var lowering = TapeLowering(
      graph, store, batch: batch, frozenStages: frozenStages, batchNorm: batchNorm,
      recomputes: recomputes, foldsExpansions: foldsExpansions, on: target)
    try lowering.lower()
    lowering.assignGradients()
    (steps, nodes) = (lowering.steps, lowering.nodes)
    units = lowering.units
    bufferCounts = lowering.bufferCounts
    schedule = TapeSchedule(
      steps, units, firstTrained: lowering.firstTrained, bufferCounts: bufferCounts)
    (input, logits, logitsGradient) = (lowering.input, lowering.logits, lowering.logitsGradient)
    firstTrained = lowering.firstTrained
    (statisticsCount, packedCount) = (lowering.statisticsCount, lowering.packedCount)
  }
}

extension Tape {
  /// A convolution's output as the backward pass finds it: what batch norm keeps of it, if one follows.
  func keptOutput(
    of convolution: ConvolutionStep
  ) -> (buffer: TapeBuffer, element: KeptMap.Element) {
    for step in steps.compactMap(\.normalization) where step.input == convolution.output {
      return (step.kept, step.element)
    }
    return (convolution.output, .f32)
  }
}

extension TapeStep {
  /// The buffers that an action reads and writes.
  ///
  /// - Parameter steps: All steps of the tape.
  func buffers(_ kind: TapeAction.Kind, _ steps: [TapeStep]) -> [TapeBuffer] {
    switch kind {
    case .forward, .apply, .passOn: forwardBuffers
    case .recompute: recomputedBuffers
    case .recomputeProduct, .recomputeProductAgain: productBuffers(kind, steps)
    case .backward: backwardBuffers
    case .measure, .keep, .slope, .combine: normalizationBuffers(kind)
    case .weightProducts: weightBuffers
    case .parameterGradients: biasBuffers
    case .statistics: []
    }
  }

  private var forwardBuffers: [TapeBuffer] {
    switch self {
    case .convolution(let step):
      [step.input, step.output] + (step.gathered.map { [$0] } ?? [])
    case .expansion(let step): [step.input, step.output]
    case .depthwise(let step): [step.normalization.kept, step.output]
    case .normalization(let step):
      [step.kept, step.output] + (step.residual.map { [$0] } ?? [])
    case .activation(let step): [step.input, step.output]
    case .pool(let step): [step.input, step.output]
    case .gate(let step): [step.input, step.gate, step.output]
    case .attention(let step): [step.input, step.scores, step.output]
    case .layerNorm(let step): [step.input, step.output]
    case .dropout(let step): [step.input, step.output]
    }
  }

  /// Those of the backward pass; batch norm has several actions there.
  private var backwardBuffers: [TapeBuffer] {
    switch self {
    case .convolution(let step): weightBuffers + step.inputGradient.buffers
    case .expansion(let step):
      [step.input, step.outputGradient] + step.inputGradient.buffers
    case .depthwise(let step):
      [step.normalization.keptAgain, step.normalization.slope]
        + (step.outputGradient.map { [$0] } ?? [])
    case .normalization: []
    case .activation(let step): [step.input, step.gradient]
    case .pool(let step):
      [step.outputGradient, step.inputGradient] + (step.gate.map { [$0] } ?? [])
    case .gate(let step): [step.inputAgain, step.outputGradient, step.gateGradient, step.gate]
    case .attention(let step):
      [
        step.inputAgain, step.scores, step.output, step.outputGradient, step.scoresGradient,
        step.inputGradient,
      ] + (step.gate.map { [$0] } ?? [])
    case .layerNorm(let step): [step.input, step.gradient]
    case .dropout(let step): [step.gradient]
    }
  }

  private func normalizationBuffers(_ kind: TapeAction.Kind) -> [TapeBuffer] {
    if case .expansion(let step) = self {
      return [step.input] + (kind == .combine ? step.inputGradient.buffers : [])
    }
    guard let step = normalization else { return [] }
    return switch kind {
    case .measure, .keep: [step.input, step.kept]
    case .slope: [step.keptAgain, step.outputGradient, step.slope]
    default: [step.keptAtEnd, step.slope, step.inputGradient]
    }
  }

  private func productBuffers(_ kind: TapeAction.Kind, _ steps: [TapeStep]) -> [TapeBuffer] {
    guard let step = normalization,
      let product = kind == .recomputeProduct ? step.recomputed : step.recomputedAgain,
      case .convolution(let convolution) = steps[product.convolution]
    else { return [] }
    return [convolution.input, product.output, product.kept] + (product.gathered.map { [$0] } ?? [])
  }

  private var recomputedBuffers: [TapeBuffer] {
    switch self {
    case .normalization(let step): [step.keptAgain, step.outputAgain]
    case .gate(let step): [step.inputAgain, step.gate, step.outputAgain]
    case .convolution, .expansion, .depthwise, .activation, .pool, .attention, .layerNorm, .dropout:
      []
    }
  }

  /// What the gradient of the weights is computed from.
  private var weightBuffers: [TapeBuffer] {
    guard case .convolution(let step) = self else { return [] }
    return [step.inputAgain, step.outputGradient] + (step.gatheredAgain.map { [$0] } ?? [])
  }

  /// What the gradient of the bias is computed from.
  private var biasBuffers: [TapeBuffer] {
    guard case .convolution(let step) = self, step.bias != nil else { return [] }
    return [step.outputGradient]
  }

  /// The steps recomputed before the backward pass.
  var recomputed: [Int] {
    if case .convolution(let step) = self { step.recomputed } else { [] }
  }

  /// Floats of partial sums for a number of images, divided into groups.
  func partialCount(images: Int, groups: Int) -> Int {
    switch self {
    case .convolution(let step):
      step.partCount(images: images, groups: groups) * step.weightGradient.sumCount
    case .expansion(let step): step.partialCount(images: images, groups: groups)
    case .normalization(let step): step.partialCount(images: images)
    case .depthwise(let step): step.partialCount(images: images, groups: groups)
    case .layerNorm(let step): step.partialCount(images: images)
    case .activation, .pool, .gate, .attention, .dropout: 0
    }
  }
}

extension ConvolutionStep.GradientTarget {
  /// Where the layer's own part is written.
  var part: TapeBuffer? {
    switch self {
    case .none: nil
    case .write(let buffer): buffer
    case .add(_, let part): part
    }
  }

  var buffers: [TapeBuffer] {
    switch self {
    case .none: []
    case .write(let buffer): [buffer]
    case .add(let buffer, let part): [buffer, part]
    }
  }
}
