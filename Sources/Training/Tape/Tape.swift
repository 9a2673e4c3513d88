import GraphIR
import Inference
import Operators

/// A network lowered for training: steps that run forwards in order, then backwards in reverse.
///
/// Like an inference program, it depends only on shapes. Kept for the backward pass are the outputs of
/// convolutions and the inputs of units; batch norm's outputs are recomputed from them.
struct Tape {
  let steps: [TapeStep]
  /// The node that each step begins with.
  let nodes: [Node]
  let units: [TapeUnit]
  /// Floats of each buffer for one image.
  let bufferCounts: [Int]
  /// When each buffer is in use: step i runs at time i and backwards at 2n − i; the loss is at n.
  let lifetimes: [ClosedRange<Int>]
  /// The normalised images.
  let input: TapeBuffer
  let logits: TapeBuffer
  let logitsGradient: TapeBuffer
  /// The first step of the first trained unit; the backward pass ends there.
  let firstTrained: Int
  /// Floats of batch norm's vectors.
  let statisticsCount: Int
  /// Floats of packed weights.
  let packedCount: Int

  /// Lowers `graph`.
  ///
  /// - Throws: `TrainingError.unsupported`.
  init(
    _ graph: Graph, _ store: ParameterStore, frozenStages: Int,
    batchNorm: TrainingConfiguration.BatchNorm, on target: ComputeTarget
  ) throws(TrainingError) {
    var lowering = TapeLowering(
      graph, store, frozenStages: frozenStages, batchNorm: batchNorm, on: target)
    try lowering.lower()
    lowering.assignGradients()
    (steps, nodes) = (lowering.steps, lowering.nodes)
    units = lowering.units
    bufferCounts = lowering.bufferCounts
    lifetimes = lowering.lifetimes()
    (input, logits, logitsGradient) = (lowering.input, lowering.logits, lowering.logitsGradient)
    firstTrained = lowering.firstTrained
    (statisticsCount, packedCount) = (lowering.statisticsCount, lowering.packedCount)
  }
}

extension TapeStep {
  /// The buffers in use in the forward pass.
  var forwardBuffers: [TapeBuffer] {
    switch self {
    case .convolution(let step):
      [step.input, step.output] + (step.gathered.map { [$0] } ?? [])
    case .normalization(let step):
      [step.input, step.output] + (step.residual.map { [$0] } ?? [])
    case .activation(let step): [step.input, step.output]
    case .pool(let step): [step.input, step.output]
    case .gate(let step): [step.input, step.gate, step.output]
    case .attention(let step): [step.input, step.scores, step.output]
    case .layerNorm(let step): [step.input, step.output]
    case .dropout(let step): [step.input, step.output]
    }
  }

  /// The buffers in use in the backward pass, not counting those of recomputed steps.
  var backwardBuffers: [TapeBuffer] {
    switch self {
    case .convolution(let step):
      [step.inputAgain, step.outputGradient] + (step.gathered.map { [$0] } ?? [])
        + step.inputGradient.buffers
    case .normalization(let step): [step.input, step.outputGradient, step.inputGradient]
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

  /// The buffers in use when the step is recomputed.
  var recomputedBuffers: [TapeBuffer] {
    switch self {
    case .normalization(let step): [step.input, step.outputAgain]
    case .gate(let step): [step.inputAgain, step.gate, step.outputAgain]
    case .convolution, .activation, .pool, .attention, .layerNorm, .dropout: []
    }
  }

  /// The steps recomputed before the backward pass.
  var recomputed: [Int] {
    if case .convolution(let step) = self { step.recomputed } else { [] }
  }
}

extension ConvolutionStep.InputGradient {
  var buffers: [TapeBuffer] {
    switch self {
    case .none: []
    case .write(let buffer): [buffer]
    case .add(let buffer, let part): [buffer, part]
    }
  }
}
