import GraphIR
import Operators

extension ConvolutionFilter {
  /// Takes in a batch norm, in Double: w' = w · γ / √(σ² + ε), b' = (b − μ) · γ / √(σ² + ε) + β.
  ///
  /// - Throws: `InferenceError.badParameter` where finite tensors have no finite product. A clipping
  ///   activation would hide that later on.
  mutating func fold(
    _ batchNorm: Node, into name: String, from source: any ParameterSource
  ) throws {
    guard case .batchNorm(let epsilon) = batchNorm.operation,
      let gammas = batchNorm.parameter(.weight), let betas = batchNorm.parameter(.bias),
      let means = batchNorm.parameter(.runningMean),
      let variances = batchNorm.parameter(.runningVariance)
    else {
      throw InferenceError.unsupported(
        node: batchNorm.name, operation: batchNorm.operation.moduleName)
    }
    func values(_ parameter: Parameter) throws -> [Double] {
      try source.withValues(of: parameter) { $0.map(Double.init) }
    }
    let (gamma, beta) = (try values(gammas), try values(betas))
    let (mean, variance) = (try values(means), try values(variances))
    for channel in scale.indices {
      guard variance[channel] + epsilon > 0 else {
        throw source.refusal(
          of: variances,
          because: "element \(channel), a variance, is \(Float(variance[channel])), and epsilon"
            + " \(epsilon): their sum must be above 0")
      }
      scale[channel] = gamma[channel] / (variance[channel] + epsilon).squareRoot()
      bias[channel] = (bias[channel] - mean[channel]) * scale[channel] + beta[channel]
    }
    if let channel = firstOverflow {
      throw source.refusal(
        of: gammas,
        because: "element \(channel), \(Float(gamma[channel])), over the root of the variance,"
          + " \(Float(variance[channel])), is too large a factor for \(name)")
    }
  }

  /// The first channel whose weights or bias are too large for floats once they are scaled.
  private var firstOverflow: Int? {
    // Winograd's transform of a filter can be 1.6 times as large as its weights.
    let limit = Double(Float.greatestFiniteMagnitude) / 2
    func fits(_ weights: Slice<UnsafeBufferPointer<Float>>, _ factor: Double) -> Bool {
      Double(weights.largestMagnitude) * abs(factor) <= limit
    }
    let factor = scale.lazy.map(abs).max() ?? 0
    let largestBias = bias.lazy.map(abs).max() ?? 0
    if fits(weights[...], factor) && largestBias <= limit { return nil }
    let depth = weights.count / scale.count
    return scale.indices.first { channel in
      !fits(weights[channel * depth..<(channel + 1) * depth], scale[channel])
        || !(abs(bias[channel]) <= limit)
    }
  }
}

extension Slice<UnsafeBufferPointer<Float>> {
  /// The largest absolute value of finite numbers, whose bits are in the same order.
  fileprivate var largestMagnitude: Float {
    var largest = SIMD8<UInt32>.zero
    let values = UnsafeBufferPointer(rebasing: self)
    let whole = values.count & ~7
    for index in stride(from: 0, to: whole, by: 8) {
      for lane in 0..<8 {
        largest[lane] = Swift.max(largest[lane], values[index + lane].magnitude.bitPattern)
      }
    }
    for value in values[whole...] { largest[0] = Swift.max(largest[0], value.magnitude.bitPattern) }
    return Float(bitPattern: largest.max())
  }
}
