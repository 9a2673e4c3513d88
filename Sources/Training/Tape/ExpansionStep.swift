import Kernels
import Operators

/// An inverted bottleneck's first half, of which no expanded map is kept: 1×1 expansion, batch norm,
/// activation, depthwise convolution.
///
/// With z = W x, batch norm's statistics follow from the means m of x and S = Σ (x − m)(x − m)ᵀ: μ = W m and
/// n σ² = w S wᵀ for each row w of W. So batch norm can be folded into the weights before the first z is
/// computed. Backwards, dz = a · g + b · z + c with the gradient g of batch norm's output (see
/// `NormalizationStep`), so that with P = Σ g (x − m)ᵀ:
///
///     Σ g · (z − μ) = w Pᵀ
///     dW = a · P + b · W S
///     dx = Wᵀ (a · g) + M x + v  with M = Wᵀ diag(b) W and v = −Wᵀ (a · Σg) / n − M m
///
/// One pass over x and the depthwise convolution's gradient finds P, Σg and Wᵀ (a · g); a second one, over
/// the narrow map alone, adds the rest. S and P are summed around the means, so that these cost no precision.
struct ExpansionStep {
  let expansion: ConvolutionStep
  /// Batch norm and activation between the two.
  let normalization: NormalizationStep
  let depthwise: ConvolutionStep
  let strategy: ConvolutionStrategy
  let forward: any Operator
  let backward: ExpandDepthwiseGradient
  /// M x + v, added to what the first pass found.
  let correction: any Operator
  /// Offsets of the packed weights for both directions; the correction's follow the others.
  var packed = 0
  var packedBackward = 0
  /// Offset of what it keeps for the backward pass.
  let keptOffset: Int

  var outputGradient: TapeBuffer = 0
  var inputGradient = ConvolutionStep.GradientTarget.none

  /// - Parameter layer: The expansion with the activation between the two.
  init(
    _ expansion: ConvolutionStep, _ normalization: NormalizationStep, _ depthwise: ConvolutionStep,
    _ layer: ConvolutionLayer, _ precision: ProductPrecision, keptOffset: Int,
    on target: ComputeTarget
  ) {
    (self.expansion, self.normalization, self.depthwise) = (expansion, normalization, depthwise)
    strategy = .expandDepthwise(precision)
    self.keptOffset = keptOffset
    forward = strategy.makeOperator(
      for: [layer, depthwise.layer], isGated: false, on: target)
    backward = ExpandDepthwiseGradient(layer, depthwise.layer, precision, on: target)
    var narrow = layer
    narrow.nonlinearity = .identity
    narrow.geometry.outputChannels = layer.geometry.inputChannels
    // Nearly as large as what it is added to, so its rounding would count.
    correction = ConvolutionStrategy.gemm(.f32).makeOperator(
      for: [narrow], isGated: false, on: target)
  }

  /// Whether one step is faster than three; small maps stay in the cache anyway.
  ///
  /// On two cores of a Zen 5, EfficientNet-Lite0's blocks at 224 pixels take, as one step and as three,
  /// 13.9 and 21.2 ms with 16 inputs, 4.2 and 4.4 with 80, but 8.2 and 7.4 with 112. At bf16, where maps
  /// move half the bytes and wide products are faster, the limits are lower.
  static func pays(_ geometry: ConvolutionGeometry, _ precision: Precision) -> Bool {
    precision == .f32
      ? geometry.inputChannels <= 80 && geometry.outputCount >= 65_536
      : geometry.inputChannels <= 48 && geometry.outputCount >= 131_072
  }

  var input: TapeBuffer { expansion.input }
  var output: TapeBuffer { depthwise.output }
}

extension ExpansionStep {
  var geometry: ConvolutionGeometry { expansion.layer.geometry }
  /// Floats of a position of x.
  var inputStride: Int { geometry.inputStride }
  /// Floats of a part's moments: means, then products.
  private var momentCount: Int { inputStride * (1 + geometry.inputChannels) }

  /// Multiply-adds for an image of S, and as many of M x.
  var momentMultiplyAdds: Int {
    geometry.inputChannels * geometry.inputChannels * geometry.outputPositions
  }

  private func parts(images: Int) -> TapeRun.Parts {
    TapeRun.Parts(images: images, positions: geometry.outputPositions, stride: inputStride)
  }

  /// Floats that it keeps between both directions, beside batch norm's vectors.
  var keptCount: Int { inputStride + 2 * geometry.inputChannels * geometry.outputStride }

  /// What it keeps: −m, then Wᵀ and S Wᵀ with a row for each input.
  func kept(
    _ run: TapeRun
  ) -> (
    negatedMeans: UnsafeMutablePointer<Float>, weights: UnsafeMutablePointer<Float>,
    products: UnsafeMutablePointer<Float>
  ) {
    let negatedMeans = run.statistics + keptOffset
    let weights = negatedMeans + inputStride
    return (negatedMeans, weights, weights + geometry.inputChannels * geometry.outputStride)
  }

  /// Floats of partial sums for a number of images, divided into groups.
  func partialCount(images: Int, groups: Int) -> Int {
    max(parts(images: images).count * momentCount, groups * (backward.sumCount + weightSumCount))
  }

  private var weightSumCount: Int { depthwise.weightGradient.sumCount }

  var scratchCount: Int {
    let perImage = parts(images: 1).count
    let rows = (geometry.outputPositions + perImage - 1) / perImage
    return max(
      forward.scratchCount, backward.scratchCount, correction.scratchCount,
      max(rows + 1, geometry.inputChannels, geometry.outputChannels) * inputStride)
  }

  // MARK: Forwards

  /// The moments of each part of the group's maps.
  func measure(_ run: TapeRun) {
    run.forEachPart(positions: geometry.outputPositions, stride: inputStride) {
      index, part, scratch in
      let x = run.map(input, part.image) + part.rows.lowerBound * inputStride
      let means = run.partials + index * momentCount
      let centred = scratch + inputStride
      run.kernels.sum(
        ChannelSum(
          rows: part.rows.count, channels: inputStride, x: x, xStride: inputStride,
          factor: 1 / Float(part.rows.count), out: means))
      for channel in 0..<inputStride { scratch[channel] = -means[channel] }
      run.kernels.training.scale(
        ChannelScale(
          rows: part.rows.count, channels: inputStride, x: x, xStride: inputStride,
          factor: run.ones, offset: scratch, out: centred, outStride: inputStride))
      multiply(
        rows: part.rows.count, centred, lda: inputStride, geometry.inputChannels, centred,
        columns: inputStride, into: means + inputStride, run.kernels)
    }
  }

  /// Batch norm's statistics, and the weights with batch norm folded in.
  func statistics(_ run: TapeRun) -> TapeJob? {
    guard run.imageCount > 0 else { return nil }
    let parts = parts(images: run.imageCount)
    return TapeJob(run, .normalization, count: 1) { _, scratch in
      var moments = ChannelMoments(channels: geometry.inputChannels)
      for index in 0..<parts.count {
        let partial = run.partials + index * momentCount
        moments.add(
          rows: parts[index].rows.count, means: partial, products: partial + inputStride)
      }
      setStatistics(run, moments, scratch)
      forward.pack(folded(run), layer: 0, into: run.packed + packed)
    }
  }

  /// The expansion with batch norm folded in.
  private func folded(_ run: TapeRun) -> ConvolutionFilter {
    let vectors = normalization.vectors(run)
    let channels = 0..<geometry.outputChannels
    return ConvolutionFilter(
      weights: UnsafeBufferPointer(run.store.floats(expansion.weight, of: run.store.values)),
      scale: channels.map { Double(vectors.scale[$0]) },
      bias: channels.map { Double(vectors.shift[$0]) })
  }

  func run(_ run: TapeRun) {
    for image in 0..<run.imageCount {
      apply(
        forward, run, input: run.map(input, image),
        output: run[output] + image * run.count(output), packed: run.packed + packed)
    }
  }

  private func apply(
    _ work: any Operator, _ run: TapeRun, input: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, residual: UnsafePointer<Float>? = nil,
    packed: UnsafePointer<Float>
  ) {
    run.workers.forEach(work.taskCount(batch: 1)) { task, scratch in
      work.run(
        task: task, batch: 1,
        OperatorMemory(
          input: input, output: output, residual: residual, packed: packed, scratch: scratch))
    }
  }

  // MARK: Backwards

  /// The group's sums, and the gradient of its maps with the statistics held constant.
  func backward(_ run: TapeRun) {
    let sums = run.partials + run.group * backward.sumCount
    let weightSums =
      run.partials + run.groupCount * backward.sumCount + run.group * weightSumCount
    sums.update(repeating: 0, count: backward.sumCount)
    weightSums.update(repeating: 0, count: weightSumCount)
    for image in 0..<run.imageCount {
      backward.run(
        ExpandDepthwiseGradient.Memory(
          input: run.map(input, image), negatedMeans: kept(run).negatedMeans,
          outputGradient: run[outputGradient] + image * run.count(output),
          inputGradient: inputGradient.part.map { run[$0] + image * run.count(input) },
          packed: run.packed + packedBackward, sums: sums, weightSums: weightSums,
          scratch: run.workers.scratch(0), ones: run.ones, zeros: run.zeros,
          lap: { run.lap(TrainingWork($0)) }))
    }
  }

  /// Adds to the gradients of all parameters, and finds M and v.
  func parameterGradients(_ run: TapeRun) -> [TapeJob?] {
    guard run.imageCount > 0 else { return [] }
    return [
      TapeJob(run, .normalizationGradient, count: 1) { _, scratch in addGradients(run, scratch) },
      depthwise.weightSums(
        run, run.partials + run.groupCount * backward.sumCount, parts: run.groupCount),
    ]
  }

  /// Adds M x + v.
  func correct(_ run: TapeRun) {
    guard let part = inputGradient.part else { return }
    for image in 0..<run.imageCount {
      let gradient = run[part] + image * run.count(input)
      apply(
        correction, run, input: run.map(input, image), output: gradient, residual: gradient,
        packed: run.packed + packedBackward + backward.packedCount)
    }
    if case .add(let target, let part) = inputGradient { run.scatterAdd(part, to: target) }
  }
}

extension ExpansionStep: PackedStep {
  var weightCount: Int {
    expansion.weight.parameter.count + depthwise.weight.parameter.count
  }

  /// Floats of the weights for the backward pass, M and v.
  var packedBackwardCount: Int { backward.packedCount + correction.packedCount }

  /// Packs the depthwise weights; the expansion's follow when the statistics are known.
  func packForward(_ run: TapeRun) {
    let target = run.clearedPacked(packed, count: forward.packedCount)
    forward.pack(depthwise.filter(run), layer: 1, into: target)
  }

  func packBackward(_ run: TapeRun) {
    let target = run.clearedPacked(packedBackward, count: backward.packedCount)
    backward.pack(folded(run), depthwise: depthwise.filter(run), into: target)
  }
}
