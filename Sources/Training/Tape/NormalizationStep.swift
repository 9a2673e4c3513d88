import Glibc
import Host
import Kernels
import Operators

extension NormalizationStep {
  /// Vectors of statistics.
  static let vectors = 8

  private var channels: Int { node.shape.channels }
  private var stride: Int { channelStride(channels) }
  private var positions: Int { node.shape.positions }

  /// The vectors of one step, each `stride` floats.
  struct Vectors {
    fileprivate let base: UnsafeMutablePointer<Float>
    fileprivate let stride: Int

    var mean: UnsafeMutablePointer<Float> { base }
    /// 1 / √(variance + ε).
    var inverseDeviation: UnsafeMutablePointer<Float> { base + stride }
    /// Batch norm as one multiply-add: scale · z + shift.
    var scale: UnsafeMutablePointer<Float> { base + 2 * stride }
    var shift: UnsafeMutablePointer<Float> { base + 3 * stride }
    /// Its gradient: a · g + b · z + c.
    var a: UnsafeMutablePointer<Float> { base + 4 * stride }
    var b: UnsafeMutablePointer<Float> { base + 5 * stride }
    var c: UnsafeMutablePointer<Float> { base + 6 * stride }
    /// 1 / survival in every channel.
    var factor: UnsafeMutablePointer<Float> { base + 7 * stride }
  }

  func vectors(_ run: TapeRun) -> Vectors {
    Vectors(base: run.statistics + statistics, stride: stride)
  }

  /// z where the backward pass finds it first.
  var keptAgain: TapeBuffer { recomputed?.kept ?? kept }

  /// z where `combine` finds it.
  var keptAtEnd: TapeBuffer {
    (usesRunningStatistics ? recomputed : recomputedAgain)?.kept ?? kept
  }

  // MARK: Forward

  /// y = F(γ (z − μ) / √(σ² + ε) + β) (+ x), with the statistics of the batch, which the running
  /// ones follow, or with the running ones.
  func apply(_ run: TapeRun) {
    guard let residual else { return apply(run, KeptMap(run[kept], element), to: output) }
    add(residual, run)
  }

  /// Computes the output again, for the backward pass.
  func recompute(_ run: TapeRun) {
    apply(run, KeptMap(run[keptAgain], element), to: outputAgain)
  }

  private func apply(_ run: TapeRun, _ z: KeptMap, to target: TapeBuffer) {
    let vectors = vectors(run)
    run.forEachPart(positions: positions, stride: stride) { _, part, _ in
      let offset = (part.image * positions + part.rows.lowerBound) * stride
      run.kernels.training.normalize(
        Normalize(
          rows: part.rows.count, channels: stride, z: z + offset, zStride: stride,
          scale: vectors.scale, shift: vectors.shift, nonlinearity: nonlinearity, residual: nil,
          residualStride: 0, out: run[target] + offset, outStride: stride))
    }
  }

  /// y = x + branch / survival.
  private func add(_ residual: TapeBuffer, _ run: TapeRun) {
    let vectors = vectors(run)
    let count = positions * stride
    // Only an identity commutes with the division by the survival probability, see `setCoefficients`.
    let isFolded = nonlinearity == .identity || survival == 1
    run.forEachPart(positions: positions, stride: stride) { _, part, _ in
      let row = part.rows.lowerBound * stride
      let z = KeptMap(run[kept], element) + part.image * count + row
      let (x, y) = (run.map(residual, part.image) + row, run.map(output, part.image) + row)
      run.kernels.training.normalize(
        Normalize(
          rows: part.rows.count, channels: stride, z: z, zStride: stride, scale: vectors.scale,
          shift: vectors.shift, nonlinearity: nonlinearity,
          residual: isFolded ? UnsafePointer(x) : nil, residualStride: stride, out: y,
          outStride: stride))
      guard !isFolded else { return }
      run.kernels.training.combine(
        LinearCombination(
          rows: part.rows.count, channels: stride, g: KeptMap(y), gStride: stride, z: KeptMap(x),
          zStride: stride,
          a: vectors.factor, b: run.ones, c: run.zeros, out: y, outStride: stride))
    }
  }

  /// y = x for the images that the unit leaves out.
  func passOn(_ run: TapeRun) -> TapeJob? {
    guard let residual, run.dropsImages else { return nil }
    let kept = Set(run.images)
    let dropped = run.keys.indices.filter { !kept.contains($0) }
    return TapeJob(run, .normalization, count: dropped.count) { index, _ in
      let source = run.batchMap(residual, dropped[index])
      run.batchMap(output, dropped[index]).update(from: source, count: positions * stride)
    }
  }

  /// Floats of the partial sums of a batch.
  func partialCount(images: Int) -> Int {
    2 * stride * TapeRun.Parts(images: images, positions: positions, stride: stride).count
  }

  /// Mean and sum of squares of each part of the group's maps, as they are kept.
  func measure(_ run: TapeRun) {
    run.forEachPart(positions: positions, stride: stride) { index, part, _ in
      let offset = (part.image * positions + part.rows.lowerBound) * stride
      let mean = run.partials + 2 * index * stride
      let z = KeptMap(run[kept], element) + offset
      keep(run, run[input] + offset, in: z, rows: part.rows.count, mean: mean)
      run.kernels.training.squares(
        ChannelSquares(
          rows: part.rows.count, channels: stride, z: z, zStride: stride, mean: mean,
          out: mean + stride))
    }
  }

  /// Keeps the group's maps of z in another buffer, where their statistics do not matter.
  func keep(_ run: TapeRun, _ z: TapeBuffer, in kept: TapeBuffer) {
    run.forEachPart(positions: positions, stride: stride) { _, part, scratch in
      let offset = (part.image * positions + part.rows.lowerBound) * stride
      keep(
        run, run[z] + offset, in: KeptMap(run[kept], element) + offset, rows: part.rows.count,
        mean: scratch)
    }
  }

  private func keep(
    _ run: TapeRun, _ x: UnsafeMutablePointer<Float>, in target: KeptMap, rows: Int,
    mean: UnsafeMutablePointer<Float>
  ) {
    let factor = 1 / Float(rows)
    guard kept != input else {
      return run.kernels.sum(
        ChannelSum(
          rows: rows, channels: stride, x: x, xStride: stride, factor: factor, out: mean))
    }
    run.kernels.training.keep(
      KeptSum(
        rows: rows, channels: stride, x: x, kept: target, stride: stride, factor: factor,
        out: mean))
  }

  /// Mean and variance of the batch from those of the parts (Chan, Golub & LeVeque 1983), so that a
  /// large mean costs no precision.
  func statistics(_ run: TapeRun) -> TapeJob? {
    guard run.imageCount > 0 else { return nil }
    let parts = TapeRun.Parts(images: run.imageCount, positions: positions, stride: stride)
    let total = Double(run.imageCount * positions)
    return TapeJob(run, .normalization, channels: stride) { range, _ in
      let width = range.count
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * width) { sums in
        sums.initialize(repeating: 0)
        guard let means = sums.baseAddress else { return }
        let squares = means + width
        var count = 0.0
        for index in 0..<parts.count {
          let rows = Double(parts[index].rows.count)
          let (share, weight) = (rows / (count + rows), count * rows / (count + rows))
          let partial = run.partials + 2 * index * stride + range.lowerBound
          for channel in 0..<width {
            let difference = Double(partial[channel]) - means[channel]
            squares[channel] += Double(partial[stride + channel]) + difference * difference * weight
            means[channel] += difference * share
          }
          count += rows
        }
        for channel in 0..<width {
          update(
            run, range.lowerBound + channel, mean: means[channel],
            variance: squares[channel] / total, count: total)
        }
      }
    }
  }

  /// Stores the batch's statistics of one channel and moves the running ones, whose variance is
  /// unbiased as in PyTorch.
  func update(
    _ run: TapeRun, _ channel: Int, mean: Double, variance: Double, count: Double
  ) {
    setCoefficients(run, channel, mean: mean, variance: variance)
    guard channel < channels, count > 1 else { return }
    let momentum = run.batchNormMomentum
    let runningMean = run.store.values.base + self.runningMean.offset + channel
    let runningVariance = run.store.values.base + self.runningVariance.offset + channel
    runningMean.pointee = Float(Double(runningMean.pointee) * (1 - momentum) + momentum * mean)
    runningVariance.pointee = Float(
      Double(runningVariance.pointee) * (1 - momentum) + momentum * variance * count / (count - 1))
  }

  /// Takes the running statistics; the gradient of z is then known up to its factor.
  func loadRunningStatistics(_ run: TapeRun) {
    let mean = run.store.values.base + runningMean.offset
    let variance = run.store.values.base + runningVariance.offset
    for channel in 0..<channels {
      setCoefficients(
        run, channel, mean: Double(mean[channel]), variance: Double(variance[channel]))
    }
    for channel in 0..<stride { setFactors(run, channel, sum: 0, product: 0, count: 1) }
  }

  private func setCoefficients(_ run: TapeRun, _ channel: Int, mean: Double, variance: Double) {
    let vectors = vectors(run)
    let inverse = 1 / (variance + epsilon).squareRoot()
    // Padding channels have neither weight nor bias, so that they stay zero.
    let isPadding = channel >= channels
    let gamma = isPadding ? 0 : Double(run.store.values.base[weight.offset + channel])
    let beta = isPadding ? 0 : Double(run.store.values.base[bias.offset + channel])
    let factor = nonlinearity == .identity ? 1 / survival : 1
    vectors.mean[channel] = Float(mean)
    vectors.inverseDeviation[channel] = Float(inverse)
    vectors.scale[channel] = Float(gamma * inverse * factor)
    vectors.shift[channel] = Float((beta - mean * gamma * inverse) * factor)
    vectors.factor[channel] = Float(1 / survival)
  }

  // MARK: Backward

  // With g = dy · F'(u) and x̂ = (z − μ) / √(σ² + ε): dβ = Σg, dγ = Σg·x̂, and
  // dz = γ / √(σ² + ε) · (g − dβ / n − x̂ · dγ / n), which is a · g + b · z + c (Ioffe & Szegedy 2015,
  // arXiv 1502.03167, section 3).

  /// g, and its sums over each part of the group's maps.
  func slope(_ run: TapeRun) {
    let vectors = vectors(run)
    let count = positions * stride
    run.forEachPart(positions: positions, stride: stride) { index, part, _ in
      let row = part.rows.lowerBound * stride
      let place = part.image * count + row
      let gradient =
        residual == nil
        ? run[outputGradient] + place : run.map(outputGradient, part.image) + row
      let sums = run.partials + 2 * index * stride
      run.kernels.training.normalizeGradient(
        NormalizeGradient(
          rows: part.rows.count, channels: stride, gradient: gradient, gradientStride: stride,
          z: KeptMap(run[keptAgain], element) + place, zStride: stride,
          scale: vectors.scale, shift: vectors.shift,
          mean: vectors.mean, nonlinearity: nonlinearity,
          out: KeptMap(run[slope], element) + place, outStride: stride, sums: sums,
          products: sums + stride))
    }
  }

  /// Adds to the gradients of γ and β, and finds a, b and c.
  func parameterGradients(_ run: TapeRun) -> TapeJob? {
    parameterGradients(
      run,
      parts: TapeRun.Parts(images: run.imageCount, positions: positions, stride: stride).count)
  }

  /// The same from a number of parts' sums.
  func parameterGradients(_ run: TapeRun, parts: Int) -> TapeJob? {
    guard run.imageCount > 0 else { return nil }
    let total = Double(run.imageCount * positions)
    return TapeJob(run, .normalizationGradient, channels: stride) { range, _ in
      let width = range.count
      withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * width) { totals in
        totals.initialize(repeating: 0)
        for index in 0..<parts {
          let partial = run.partials + 2 * index * stride + range.lowerBound
          for channel in 0..<width {
            totals[channel] += Double(partial[channel])
            totals[width + channel] += Double(partial[stride + channel])
          }
        }
        for channel in 0..<width {
          add(
            run, range.lowerBound + channel, sum: totals[channel] / survival,
            product: totals[width + channel] / survival, count: total)
        }
      }
    }
  }

  /// Adds to the gradients of one channel's γ and β, from Σg and Σg·(z − μ), and finds its a, b and c.
  func add(
    _ run: TapeRun, _ channel: Int, sum: Double, product: Double, count: Double
  ) {
    setFactors(run, channel, sum: sum, product: product, count: count)
    guard channel < channels else { return }
    let inverse = Double(vectors(run).inverseDeviation[channel])
    let gradients = run.store.gradients.base
    gradients[bias.offset + channel] += Float(sum)
    gradients[weight.offset + channel] += Float(product * inverse)
  }

  private func setFactors(
    _ run: TapeRun, _ channel: Int, sum: Double, product: Double, count: Double
  ) {
    let vectors = vectors(run)
    guard channel < channels else {
      (vectors.a[channel], vectors.b[channel], vectors.c[channel]) = (0, 0, 0)
      return
    }
    let inverse = Double(vectors.inverseDeviation[channel])
    let factor = Double(run.store.values.base[weight.offset + channel]) * inverse
    let b = usesRunningStatistics ? 0 : -factor * inverse * inverse * product / count
    vectors.a[channel] = Float(factor / survival)
    vectors.b[channel] = Float(b)
    vectors.c[channel] =
      usesRunningStatistics ? 0 : Float(-factor * sum / count - b * Double(vectors.mean[channel]))
  }

  /// dz = a · g + b · z + c.
  func combine(_ run: TapeRun) {
    let vectors = vectors(run)
    run.forEachPart(positions: positions, stride: stride) { _, part, _ in
      let place = (part.image * positions + part.rows.lowerBound) * stride
      run.kernels.training.combine(
        LinearCombination(
          rows: part.rows.count, channels: stride, g: KeptMap(run[slope], element) + place,
          gStride: stride, z: KeptMap(run[keptAtEnd], element) + place, zStride: stride,
          a: vectors.a, b: vectors.b, c: vectors.c,
          out: run[inputGradient] + place, outStride: stride))
    }
  }
}
