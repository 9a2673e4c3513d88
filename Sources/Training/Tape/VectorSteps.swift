import Host
import Kernels
import Operators

extension ActivationStep {
  private var stride: Int { channelStride(shape.channels) }

  func forward(_ run: TapeRun) {
    run.forEachPart(positions: shape.positions, stride: stride) { _, part, _ in
      let offset = (part.image * shape.positions + part.rows.lowerBound) * stride
      run.kernels.training.normalize(
        Normalize(
          rows: part.rows.count, channels: stride, z: KeptMap(run[input]) + offset,
          zStride: stride, scale: run.ones, shift: run.zeros, nonlinearity: nonlinearity,
          residual: nil,
          residualStride: 0, out: run[output] + offset, outStride: stride))
    }
  }

  /// dx = dy · F'(x), in place.
  func backward(_ run: TapeRun) {
    run.forEachPart(positions: shape.positions, stride: stride) { _, part, sums in
      let offset = (part.image * shape.positions + part.rows.lowerBound) * stride
      run.kernels.training.normalizeGradient(
        NormalizeGradient(
          rows: part.rows.count, channels: stride, gradient: run[gradient] + offset,
          gradientStride: stride, z: KeptMap(run[input]) + offset, zStride: stride, scale: run.ones,
          shift: run.zeros, mean: run.zeros, nonlinearity: nonlinearity,
          out: KeptMap(run[gradient]) + offset, outStride: stride, sums: sums,
          products: sums + stride))
    }
  }
}

extension PoolStep {
  private var stride: Int { channelStride(shape.channels) }

  func forward(_ run: TapeRun) {
    run.workers.forEach(run.imageCount) { image, _ in
      run.kernels.sum(
        ChannelSum(
          rows: shape.positions, channels: stride,
          x: run[input] + image * shape.positions * stride, xStride: stride,
          factor: 1 / Float(shape.positions), out: run[output] + image * stride))
    }
  }

  /// dx = dy / positions everywhere, plus the gate's part if the input is also gated.
  func backward(_ run: TapeRun) {
    let share = 1 / Float(shape.positions)
    run.workers.forEach(run.imageCount) { image, scratch in
      let outer = run[outputGradient] + image * stride
      for channel in 0..<stride { scratch[channel] = outer[channel] * share }
      let gradient = run[inputGradient] + image * shape.positions * stride
      guard let gate else {
        for position in 0..<shape.positions {
          (gradient + position * stride).update(from: scratch, count: stride)
        }
        return
      }
      run.kernels.training.scale(
        ChannelScale(
          rows: shape.positions, channels: stride, x: gradient, xStride: stride,
          factor: run[gate] + image * stride, offset: scratch, out: gradient, outStride: stride))
    }
  }
}

extension GateStep {
  private var stride: Int { channelStride(shape.channels) }

  func forward(_ run: TapeRun) { apply(run, input, to: output) }

  /// Computes the output again, for the backward pass.
  func recompute(_ run: TapeRun) { apply(run, inputAgain, to: outputAgain) }

  private func apply(_ run: TapeRun, _ source: TapeBuffer, to target: TapeBuffer) {
    run.forEachPart(positions: shape.positions, stride: stride) { _, part, _ in
      let offset = (part.image * shape.positions + part.rows.lowerBound) * stride
      run.kernels.training.scale(
        ChannelScale(
          rows: part.rows.count, channels: stride, x: run[source] + offset, xStride: stride,
          factor: run[gate] + part.image * stride, offset: nil, out: run[target] + offset,
          outStride: stride))
    }
  }

  /// The gate's gradient: Σ dy · x over positions.
  func backward(_ run: TapeRun) {
    run.workers.forEach(run.imageCount) { image, _ in
      let offset = image * shape.positions * stride
      run.kernels.training.products(
        ChannelProducts(
          rows: shape.positions, channels: stride, x: run[outputGradient] + offset,
          xStride: stride, y: run[inputAgain] + offset, yStride: stride,
          out: run[gateGradient] + image * stride))
    }
  }
}

extension DropoutStep {
  /// What the random numbers of an image are derived from.
  private func key(_ run: TapeRun, _ image: Int) -> RandomKey {
    run.key(image)[.dropout]
  }

  func forward(_ run: TapeRun) { apply(run, input, to: output) }

  func backward(_ run: TapeRun) { apply(run, gradient, to: gradient) }

  /// Zeroes values with the probability and divides the others by its complement.
  private func apply(_ run: TapeRun, _ source: TapeBuffer, to target: TapeBuffer) {
    let stride = channelStride(shape.channels)
    let factor = Float(1 / (1 - probability))
    run.workers.forEach(run.imageCount) { image, _ in
      let key = key(run, image)
      let (x, y) = (run[source] + image * stride, run[target] + image * stride)
      for channel in 0..<stride {
        let isKept = probability == 0 || key.uniform(channel) >= probability
        y[channel] = isKept ? x[channel] * factor : 0
      }
    }
  }
}
