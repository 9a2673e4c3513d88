import Kernels
import Operators

extension ConvolutionStep {
  func forward(_ run: TapeRun) {
    guard run.imageCount > 0 else { return }
    var source = input
    if let gathered, run.dropsImages {
      run.gather(input, into: gathered)
      source = gathered
    }
    run.run(forward, input: run[source], output: run[output], packed: run.packed + packed)
  }

  /// Computes the output again, for the backward pass.
  func recompute(_ product: RecomputedProduct, _ run: TapeRun) {
    guard let packedAgain, run.imageCount > 0 else { return }
    var source = input
    if let gathered = product.gathered, run.dropsImages {
      run.gather(input, into: gathered)
      source = gathered
    }
    run.run(
      forward, input: run[source], output: run[product.output], packed: run.packed + packedAgain)
  }

  /// Computes the gradient of the input, and that of the weights if groups do.
  func backward(_ run: TapeRun) {
    guard run.imageCount > 0 else { return }
    if let gatheredAgain, run.dropsImages { run.gather(inputAgain, into: gatheredAgain) }
    if isSplit {
      weightGradient.runWhole(
        batch: run.imageCount,
        weightMemory(
          run, sums: run.partials + run.group * weightGradient.sumCount,
          scratch: run.workers.scratch(0)))
      run.lap(.weightGradient)
    }
    switch inputGradient {
    case .none: break
    case .write(let target): propagate(run, to: target)
    case .add(let target, let part):
      propagate(run, to: part)
      run.scatterAdd(part, to: target)
    }
    run.lap(.inputGradient)
  }

  private func propagate(_ run: TapeRun, to target: TapeBuffer) {
    guard let backward else { return }
    run.run(
      backward, input: run[outputGradient], output: run[target],
      packed: run.packed + packedBackward)
  }

  private func weightMemory(
    _ run: TapeRun, sums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) -> WeightGradientMemory {
    let input = run.dropsImages ? gatheredAgain ?? inputAgain : inputAgain
    return WeightGradientMemory(
      input: run[input], outputGradient: run[outputGradient], partials: sums, scratch: scratch)
  }

  // MARK: The whole batch

  /// The most sets of sums for the gradient of the weights.
  func partCount(images: Int, groups: Int) -> Int {
    isSplit ? groups : weightGradient.partCount(batch: images)
  }

  /// The products for the gradient of the weights.
  func weightProducts(_ run: TapeRun) -> TapeJob? {
    let batch = run.imageCount
    guard batch > 0 else { return nil }
    return TapeJob(run, .weightGradient, count: weightGradient.taskCount(batch: batch)) {
      task, scratch in
      weightGradient.run(
        task: task, batch: batch, weightMemory(run, sums: run.partials, scratch: scratch))
    }
  }

  /// Adds to the gradient of the weights.
  func weightSums(_ run: TapeRun) -> TapeJob? {
    guard run.imageCount > 0 else { return nil }
    return weightSums(
      run, run.partials, parts: partCount(images: run.imageCount, groups: run.groupCount))
  }

  /// Adds sets of sums to the gradient of the weights.
  func weightSums(
    _ run: TapeRun, _ partials: UnsafePointer<Float>, parts: Int
  ) -> TapeJob {
    TapeJob(run, .weightGradient, count: weightGradient.reductionCount(parts: parts)) {
      task, _ in
      weightGradient.reduce(
        task: task, parts: parts, partials: partials,
        into: run.store.gradients.base + weight.offset)
    }
  }

  /// Adds to the gradient of the bias: the sum over images and positions; layers with bias have one
  /// position.
  func biasSums(_ run: TapeRun) -> TapeJob? {
    guard let bias, run.imageCount > 0 else { return nil }
    let stride = layer.geometry.outputStride
    let rows = run.imageCount * layer.geometry.outputPositions
    let gradient = run.store.gradients.base + bias.offset
    return TapeJob(run, .weightGradient, channels: stride) { channels, scratch in
      run.kernels.sum(
        ChannelSum(
          rows: rows, channels: channels.count, x: run[outputGradient] + channels.lowerBound,
          xStride: stride, factor: 1, out: scratch))
      for channel in channels where channel < bias.parameter.count {
        gradient[channel] += scratch[channel - channels.lowerBound]
      }
    }
  }
}

extension ConvolutionStep: PackedStep {
  var weightCount: Int { weight.parameter.count }

  /// Packs the current weights for the forward pass.
  func packForward(_ run: TapeRun) { pack(forward, run, at: packed) }

  /// Packs the current weights for the backward pass.
  func packBackward(_ run: TapeRun) {
    if let packedAgain { pack(forward, run, at: packedAgain) }
    if case .none = inputGradient { return }
    if let backward { pack(backward, run, at: packedBackward) }
  }

  private func pack(_ work: any Operator, _ run: TapeRun, at offset: Int) {
    let target =
      work.packingLeavesGaps
      ? run.clearedPacked(offset, count: work.packedCount) : run.packed + offset
    work.pack(filter(run), layer: 0, into: target)
  }

  /// The current weights.
  func filter(_ run: TapeRun) -> ConvolutionFilter {
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
    let batch = imageCount
    workers.forEach(work.taskCount(batch: batch)) { task, scratch in
      work.run(
        task: task, batch: batch,
        OperatorMemory(input: input, output: output, packed: packed, scratch: scratch))
    }
  }
}
