import GraphIR
import Operators

/// The mean over all positions, weighted by the softmax of a score per position.
struct AttentionStep {
  let shape: TensorShape
  let input: TapeBuffer
  let scores: TapeBuffer
  let output: TapeBuffer
  /// The input once more in the backward pass.
  var inputAgain: TapeBuffer
  var outputGradient: TapeBuffer
  var scoresGradient: TapeBuffer
  /// Still the gradient of the gate's output, as for `PoolStep`.
  var inputGradient: TapeBuffer
  /// The factors of the gate that also reads the input.
  var gate: TapeBuffer?
}

/// Layer norm of a vector.
struct LayerNormStep {
  let shape: TensorShape
  let epsilon: Double
  let weight: ParameterStore.Entry
  let bias: ParameterStore.Entry
  let input: TapeBuffer
  let output: TapeBuffer
  /// The output's gradient, and in place of it the input's.
  var gradient: TapeBuffer
}

extension AttentionStep {
  private var stride: Int { channelStride(shape.channels) }
  private var positions: Int { shape.positions }
  /// Floats of scratch memory: the weights, and a vector.
  var scratchCount: Int { 8 * positions + stride }

  func forward(_ run: TapeRun) {
    run.workers.forEach(run.imageCount) { image, weights in
      AttentionPool.softmax(
        run[scores] + image * positions * 8, positions: positions, into: weights)
      let map = run[input] + image * positions * stride
      let context = run[output] + image * stride
      context.update(repeating: 0, count: stride)
      for position in 0..<positions {
        let weight = weights[position * 8]
        let row = map + position * stride
        for channel in 0..<stride { context[channel] += weight * row[channel] }
      }
    }
  }

  /// With context c = Σ w·x and its gradient d: dx = dy · gate + w · d, and, through the softmax, the
  /// score's gradient w · (x·d − c·d).
  func backward(_ run: TapeRun) {
    run.workers.forEach(run.imageCount) { image, weights in
      AttentionPool.softmax(
        run[scores] + image * positions * 8, positions: positions, into: weights)
      let map = run[inputAgain] + image * positions * stride
      let outer = run[outputGradient] + image * stride
      let context = run[output] + image * stride
      var mean = 0.0
      for channel in 0..<stride { mean += Double(context[channel]) * Double(outer[channel]) }
      let scores = run[scoresGradient] + image * positions * 8
      scores.update(repeating: 0, count: positions * 8)
      let gradient = run[inputGradient] + image * positions * stride
      let factors = gate.map { run[$0] + image * stride }
      for position in 0..<positions {
        let weight = weights[position * 8]
        let (row, inner) = (map + position * stride, gradient + position * stride)
        var product = 0.0
        for channel in 0..<stride { product += Double(row[channel]) * Double(outer[channel]) }
        scores[position * 8] = Float(Double(weight) * (product - mean))
        for channel in 0..<stride {
          let through = factors.map { inner[channel] * $0[channel] } ?? 0
          inner[channel] = through + weight * outer[channel]
        }
      }
    }
  }
}

extension LayerNormStep {
  private var stride: Int { channelStride(shape.channels) }

  func forward(_ run: TapeRun) {
    let (gamma, beta) = (run.store.values.base + weight.offset, run.store.values.base + bias.offset)
    run.workers.forEach(run.imageCount) { image, _ in
      let (x, y) = (run[input] + image * stride, run[output] + image * stride)
      let (mean, inverse) = LayerNorm.statistics(x, channels: shape.channels, epsilon: epsilon)
      for channel in 0..<stride {
        let normal = (Double(x[channel]) - mean) * inverse
        y[channel] =
          channel < shape.channels
          ? Float(normal * Double(gamma[channel]) + Double(beta[channel])) : 0
      }
    }
  }

  /// Floats of the partial sums of a batch: the gradients of γ and β for each image.
  func partialCount(images: Int) -> Int { 2 * stride * images }

  /// With g = dy · γ and x̂ = (x − μ) / σ: dx = (g − mean(g) − x̂ · mean(g · x̂)) / σ, in place.
  func backward(_ run: TapeRun) {
    let channels = shape.channels
    let gamma = run.store.values.base + weight.offset
    for image in 0..<run.imageCount {
      let (x, gradient) = (run[input] + image * stride, run[self.gradient] + image * stride)
      let sums = run.partials + 2 * (run.places.lowerBound + image) * stride
      let (mean, inverse) = LayerNorm.statistics(x, channels: channels, epsilon: epsilon)
      var (sum, product) = (0.0, 0.0)
      for channel in 0..<channels {
        let normal = (Double(x[channel]) - mean) * inverse
        let outer = Double(gradient[channel])
        sums[channel] = Float(outer * normal)
        sums[stride + channel] = Float(outer)
        sum += outer * Double(gamma[channel])
        product += outer * Double(gamma[channel]) * normal
      }
      for channel in 0..<channels {
        let normal = (Double(x[channel]) - mean) * inverse
        let inner =
          Double(gradient[channel]) * Double(gamma[channel])
          - (sum + normal * product) / Double(channels)
        gradient[channel] = Float(inner * inverse)
      }
    }
  }

  /// Adds to the gradients of γ and β, image by image.
  func parameterGradients(_ run: TapeRun) -> TapeJob? {
    let gradients = run.store.gradients.base
    return TapeJob(run, .normalizationGradient, channels: stride) { range, _ in
      for image in 0..<run.imageCount {
        let sums = run.partials + 2 * image * stride
        for channel in range where channel < shape.channels {
          gradients[weight.offset + channel] += sums[channel]
          gradients[bias.offset + channel] += sums[stride + channel]
        }
      }
    }
  }
}
