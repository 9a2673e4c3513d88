import Host

/// What a training run holds in memory, in bytes, without images that wait for their step.
public struct TrainingMemory: Sendable, Equatable {
  /// The parameters' values.
  public internal(set) var parameters = 0
  /// Their gradients.
  public internal(set) var gradients = 0
  /// The optimiser's buffers.
  public internal(set) var optimizer = 0
  /// The moving average of the values.
  public internal(set) var average = 0
  /// Feature maps that the forward pass leaves to the backward pass.
  public internal(set) var keptMaps = 0
  /// What else feature maps and their gradients take when most of them are in use.
  public internal(set) var passingMaps = 0
  /// Weights in the layout of the kernels, for one direction at a time.
  public internal(set) var packedWeights = 0
  /// Batch norm's vectors, partial sums, and the threads' scratch memory.
  public internal(set) var scratch = 0
  /// Feature maps of the lean schedule: outputs of convolutions and inputs of blocks, for the batch.
  public internal(set) var leanMaps = 0

  /// Values, gradients, optimiser and average.
  public var state: Int { parameters + gradients + optimizer + average }
  /// Everything.
  public var total: Int { state + keptMaps + passingMaps + packedWeights + scratch }
  /// The lean schedule's feature maps, and the state.
  public var lean: Int { leanMaps + state }
}

extension TrainingMemory {
  /// - Parameter plan: Where the tape's buffers are for the batch.
  init(_ tape: Tape, _ store: ParameterStore, _ plan: TapePlan, batch: Int, threads: Int) {
    let counts = TapeMemory.counts(tape, plan, threads: threads)
    let float = MemoryLayout<Float>.stride
    parameters = float * store.values.count
    gradients = float * store.gradients.count
    average = float * store.average.count
    optimizer = float * store.states.reduce(0) { $0 + $1.count }
    keptMaps = float * batch * plan.kept.reduce(0) { $0 + tape.bufferCounts[$1] }
    passingMaps = float * (plan.count + plan.passingCount * threads) - keptMaps
    packedWeights = float * counts[2]
    scratch = float * (counts.reduce(0, +) - counts[2]) - keptMaps - passingMaps
    leanMaps = float * batch * tape.leanCount
  }
}

extension Tape {
  /// Floats for an image of the outputs of convolutions, the inputs of blocks and the image.
  fileprivate var leanCount: Int {
    var kept: Set = [input]
    for step in steps {
      switch step {
      case .convolution(let step): kept.insert(step.output)
      case .expansion(let step): kept.formUnion([step.expansion.output, step.output])
      case .depthwise(let step): kept.insert(step.output)
      case .normalization, .activation, .pool, .gate, .attention, .layerNorm, .dropout: break
      }
    }
    for unit in units {
      guard let first = unit.steps.first else { continue }
      if case .depthwise(let step) = steps[first] {
        kept.insert(step.normalization.output)
      } else {
        kept.formUnion(steps[first].inputs)
      }
    }
    return kept.reduce(0) { $0 + bufferCounts[$1] }
  }
}
