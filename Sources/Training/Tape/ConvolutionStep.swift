import Kernels
import Operators

extension ConvolutionStep {
  func forward(_ run: TapeRun) {
    guard !run.images.isEmpty else { return }
    if let gathered, run.dropsImages { run.gather(input, into: gathered) }
    run.run(
      forward, input: run[source(input, run)], output: run[output], packed: run.packed + packed)
  }

  /// The buffer with the input of the unit's images side by side.
  private func source(_ input: TapeBuffer, _ run: TapeRun) -> TapeBuffer {
    run.dropsImages ? gathered ?? input : input
  }

  /// Adds to the gradients of weights and bias, and computes that of the input.
  func backward(_ run: TapeRun) {
    guard !run.images.isEmpty else { return }
    if let gathered, run.dropsImages { run.gather(inputAgain, into: gathered) }
    addWeightGradient(run)
    addBiasGradient(run)
    run.clock?.lap(.weightGradient)
    switch inputGradient {
    case .none: break
    case .write(let target): propagate(run, to: target)
    case .add(let target, let part):
      propagate(run, to: part)
      run.scatterAdd(part, to: target)
    }
  }

  private func propagate(_ run: TapeRun, to target: TapeBuffer) {
    guard let backward else { return }
    run.run(
      backward, input: run[outputGradient], output: run[target],
      packed: run.packed + packedBackward)
  }

  private func addWeightGradient(_ run: TapeRun) {
    let batch = run.images.count
    let input = run[source(inputAgain, run)]
    run.workers.forEach(weightGradient.taskCount(batch: batch)) { task, scratch in
      weightGradient.run(
        task: task, batch: batch,
        WeightGradientMemory(
          input: input, outputGradient: run[outputGradient], partials: run.partials,
          scratch: scratch))
    }
    run.workers.forEach(weightGradient.reductionCount(batch: batch)) { task, _ in
      weightGradient.reduce(
        task: task, batch: batch, partials: run.partials,
        into: run.store.gradients.base + weight.offset)
    }
  }

  /// The sum over images and positions; layers with bias have one position.
  private func addBiasGradient(_ run: TapeRun) {
    guard let bias else { return }
    let stride = layer.geometry.outputStride
    let rows = run.images.count * layer.geometry.outputPositions
    let gradient = run.store.gradients.base + bias.offset
    run.forEachChannelRange(stride) { channels in
      let sum = run.partials + channels.lowerBound
      run.kernels.sum(
        ChannelSum(
          rows: rows, channels: channels.count, x: run[outputGradient] + channels.lowerBound,
          xStride: stride, factor: 1, out: sum))
      for channel in channels where channel < bias.parameter.count {
        gradient[channel] += run.partials[channel]
      }
    }
  }
}

extension ConvolutionStep {
  /// Packs the current weights for both directions.
  var packings: [(TapeRun) -> Void] {
    [
      { forward.pack(filter($0), layer: 0, into: $0.packed + packed) },
      {
        if case .none = inputGradient { return }
        backward?.pack(filter($0), layer: 0, into: $0.packed + packedBackward)
      },
    ]
  }

  private func filter(_ run: TapeRun) -> ConvolutionFilter {
    let channels = layer.geometry.outputChannels
    return ConvolutionFilter(
      weights: UnsafeBufferPointer(run.store.floats(weight, of: run.store.values)),
      scale: [Double](repeating: 1, count: channels),
      bias: bias.map { run.store.floats($0, of: run.store.values).map(Double.init) }
        ?? [Double](repeating: 0, count: channels))
  }
}

extension TapeRun {
  /// Runs an operator for the unit's images.
  fileprivate func run(
    _ work: any Operator, input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    packed: UnsafePointer<Float>
  ) {
    let batch = images.count
    workers.forEach(work.taskCount(batch: batch)) { task, scratch in
      work.run(
        task: task, batch: batch,
        OperatorMemory(input: input, output: output, packed: packed, scratch: scratch))
    }
  }
}
