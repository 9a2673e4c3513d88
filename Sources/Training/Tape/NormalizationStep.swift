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
  private struct Vectors {
    let base: UnsafeMutablePointer<Float>
    let stride: Int

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

  private func vectors(_ run: TapeRun) -> Vectors {
    Vectors(base: run.statistics + statistics, stride: stride)
  }

  // MARK: Forward

  /// y = F(γ (z − μ) / √(σ² + ε) + β) (+ x), with the statistics of the batch, which the running
  /// ones follow, or with the running ones.
  func forward(_ run: TapeRun) {
    if usesRunningStatistics {
      loadRunningStatistics(run)
    } else if !run.images.isEmpty {
      measure(run)
    }
    guard let residual else { return apply(run, to: output) }
    add(residual, run)
  }

  /// Computes the output again, for the backward pass.
  func recompute(_ run: TapeRun) { apply(run, to: outputAgain) }

  private func apply(_ run: TapeRun, to target: TapeBuffer) {
    let vectors = vectors(run)
    run.forEachPart(positions: positions, stride: stride) { _, part in
      let offset = (part.image * positions + part.rows.lowerBound) * stride
      run.kernels.training.normalize(
        Normalize(
          rows: part.rows.count, channels: stride, z: run[input] + offset, zStride: stride,
          scale: vectors.scale, shift: vectors.shift, nonlinearity: nonlinearity, residual: nil,
          residualStride: 0, out: run[target] + offset, outStride: stride))
    }
  }

  /// y = x + branch / survival for the unit's images, y = x for the others.
  private func add(_ residual: TapeBuffer, _ run: TapeRun) {
    let vectors = vectors(run)
    let count = positions * stride
    if run.dropsImages {
      let kept = Set(run.images)
      run.workers.forEach(run.keys.count) { image, _ in
        guard !kept.contains(image) else { return }
        (run[output] + image * count).update(from: run[residual] + image * count, count: count)
      }
    }
    // Only an identity commutes with the division by the survival probability, see `setCoefficients`.
    let isFolded = nonlinearity == .identity || survival == 1
    run.forEachPart(positions: positions, stride: stride) { _, part in
      let row = part.rows.lowerBound * stride
      let z = run[input] + part.image * count + row
      let place = run.images[part.image] * count + row
      let (x, y) = (run[residual] + place, run[output] + place)
      run.kernels.training.normalize(
        Normalize(
          rows: part.rows.count, channels: stride, z: z, zStride: stride, scale: vectors.scale,
          shift: vectors.shift, nonlinearity: nonlinearity,
          residual: isFolded ? UnsafePointer(x) : nil, residualStride: stride, out: y,
          outStride: stride))
      guard !isFolded else { return }
      run.kernels.training.combine(
        LinearCombination(
          rows: part.rows.count, channels: stride, g: y, gStride: stride, z: x, zStride: stride,
          a: vectors.factor, b: run.ones, c: run.zeros, out: y, outStride: stride))
    }
  }

  /// Mean and variance of the batch: of each part first, then of all parts (Chan, Golub & LeVeque
  /// 1983), so that a large mean costs no precision.
  private func measure(_ run: TapeRun) {
    let parts = TapeRun.Parts(images: run.images.count, positions: positions, stride: stride)
    run.forEachPart(positions: positions, stride: stride) { index, part in
      let z = run[input] + (part.image * positions + part.rows.lowerBound) * stride
      let mean = run.partials + 2 * index * stride
      run.kernels.sum(
        ChannelSum(
          rows: part.rows.count, channels: stride, x: z, xStride: stride,
          factor: 1 / Float(part.rows.count), out: mean))
      run.kernels.training.squares(
        ChannelSquares(
          rows: part.rows.count, channels: stride, x: z, xStride: stride, mean: mean,
          out: mean + stride))
    }
    let total = Double(run.images.count * positions)
    run.forEachChannelRange(stride) { range in
      for channel in range {
        var (count, mean, squares) = (0.0, 0.0, 0.0)
        for index in 0..<parts.count {
          let rows = Double(parts[index].rows.count)
          let partial = run.partials + 2 * index * stride + channel
          let difference = Double(partial[0]) - mean
          squares +=
            Double(partial[stride]) + difference * difference * count * rows / (count + rows)
          count += rows
          mean += difference * rows / count
        }
        update(run, channel, mean: mean, variance: squares / total, count: total)
      }
    }
  }

  /// Stores the batch's statistics of one channel and moves the running ones, whose variance is
  /// unbiased as in PyTorch.
  private func update(
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

  private func loadRunningStatistics(_ run: TapeRun) {
    let mean = run.store.values.base + runningMean.offset
    let variance = run.store.values.base + runningVariance.offset
    for channel in 0..<channels {
      setCoefficients(
        run, channel, mean: Double(mean[channel]), variance: Double(variance[channel]))
    }
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

  /// Adds to the gradients of γ and β, and turns the output's gradient into that of z.
  ///
  /// With g = dy · F'(u) and x̂ = (z − μ) / √(σ² + ε): dβ = Σg, dγ = Σg·x̂, and
  /// dz = γ / √(σ² + ε) · (g − dβ / n − x̂ · dγ / n), which is a · g + b · z + c (Ioffe & Szegedy 2015,
  /// arXiv 1502.03167, section 3).
  func backward(_ run: TapeRun) {
    guard !run.images.isEmpty else { return }
    let vectors = vectors(run)
    let count = positions * stride
    let isBranch = residual != nil
    let parts = TapeRun.Parts(images: run.images.count, positions: positions, stride: stride)
    run.forEachPart(positions: positions, stride: stride) { index, part in
      let row = part.rows.lowerBound * stride
      let place = part.image * count + row
      let source = isBranch ? run.images[part.image] * count + row : place
      let sums = run.partials + 2 * index * stride
      run.kernels.training.normalizeGradient(
        NormalizeGradient(
          rows: part.rows.count, channels: stride, gradient: run[outputGradient] + source,
          gradientStride: stride, z: run[input] + place, zStride: stride, scale: vectors.scale,
          shift: vectors.shift, mean: vectors.mean, nonlinearity: nonlinearity,
          out: run[inputGradient] + place, outStride: stride, sums: sums, products: sums + stride))
    }
    let total = Double(run.images.count * positions)
    run.forEachChannelRange(stride) { range in
      for channel in range {
        var (sum, product) = (0.0, 0.0)
        for index in 0..<parts.count {
          let partial = run.partials + 2 * index * stride + channel
          sum += Double(partial[0])
          product += Double(partial[stride])
        }
        setGradient(
          run, channel, sum: sum / survival, product: product / survival, count: total)
      }
    }
    run.forEachPart(positions: positions, stride: stride) { _, part in
      let place = part.image * count + part.rows.lowerBound * stride
      let gradient = run[inputGradient] + place
      run.kernels.training.combine(
        LinearCombination(
          rows: part.rows.count, channels: stride, g: gradient, gStride: stride,
          z: run[input] + place, zStride: stride, a: vectors.a, b: vectors.b, c: vectors.c,
          out: gradient, outStride: stride))
    }
  }

  private func setGradient(
    _ run: TapeRun, _ channel: Int, sum: Double, product: Double, count: Double
  ) {
    let vectors = vectors(run)
    guard channel < channels else {
      (vectors.a[channel], vectors.b[channel], vectors.c[channel]) = (0, 0, 0)
      return
    }
    let inverse = Double(vectors.inverseDeviation[channel])
    let factor = Double(run.store.values.base[weight.offset + channel]) * inverse
    let gradients = run.store.gradients.base
    gradients[bias.offset + channel] += Float(sum)
    gradients[weight.offset + channel] += Float(product * inverse)
    let b = usesRunningStatistics ? 0 : -factor * inverse * inverse * product / count
    vectors.a[channel] = Float(factor / survival)
    vectors.b[channel] = Float(b)
    vectors.c[channel] =
      usesRunningStatistics ? 0 : Float(-factor * sum / count - b * Double(vectors.mean[channel]))
  }
}
