import GraphIR
import Host
import Operators
import Synchronization

/// The weights of a program, packed in the layout that the program describes.
final class PackedWeights: Sendable {
  private let buffer: AlignedBuffer

  /// Packs all layers with all threads of `pool`, the largest first, so that no thread ends up with
  /// a large one at the end.
  ///
  /// - Throws: `OutOfMemory`, and the error of the first layer that fails, for any number of
  ///   threads.
  init(_ program: Program, from source: any ParameterSource, pool: WorkerPool) throws {
    let buffer = try AlignedBuffer(count: program.packedCount)
    self.buffer = buffer
    let tasks = program.steps.indices.flatMap { step in
      program.steps[step].layers.indices.map { (step: step, layer: $0) }
    }
    let sizes = tasks.map { program.steps[$0.step].layers[$0.layer].node.parameterCount }
    let order = tasks.indices.sorted { (sizes[$1], $0) < (sizes[$0], $1) }
    let failure = Mutex<(task: Int, error: any Error)?>(nil)
    pool.forEach(below: tasks.count) { index in
      let task = order[index]
      let step = program.steps[tasks[task].step]
      let layer = tasks[task].layer
      do {
        try step.layers[layer].withFilter(from: source) { filter in
          step.work.pack(filter, layer: layer, into: buffer.base + step.packedOffset)
        }
      } catch {
        failure.withLock { first in
          if first.map({ task < $0.task }) ?? true { first = (task, error) }
        }
      }
    }
    if let failure = failure.withLock({ $0 }) { throw failure.error }
  }

  /// The packed weights of one step.
  func weights(of step: Program.Step) -> UnsafePointer<Float> {
    UnsafePointer(buffer.base + step.packedOffset)
  }
}

extension FoldedLayer {
  /// Calls `body` with the layer's filter, batch norm folded in.
  fileprivate func withFilter(
    from source: any ParameterSource, _ body: (ConvolutionFilter) -> Void
  ) throws {
    guard let weight = node.parameter(.weight) else {
      throw InferenceError.unsupported(node: node.name, operation: node.operation.moduleName)
    }
    defer { source.release(weight) }
    try source.withValues(of: weight) { weights in
      let channels = node.shape.channels
      var bias = [Double](repeating: 0, count: channels)
      if let own = node.parameter(.bias) {
        bias = try source.withValues(of: own) { $0.map(Double.init) }
      }
      var filter = ConvolutionFilter(
        weights: weights, scale: [Double](repeating: 1, count: channels), bias: bias)
      if let batchNorm { try filter.fold(batchNorm, into: weight.name, from: source) }
      body(filter)
    }
  }
}

extension Node {
  /// The node's tensor with the given role.
  fileprivate func parameter(_ role: Parameter.Role) -> Parameter? {
    parameters.first { $0.role == role }
  }

  fileprivate var parameterCount: Int { parameters.reduce(0) { $0 + $1.count } }
}

extension ConvolutionFilter {
  /// Folds in a batch norm, in Double: w' = w · γ / √(σ² + ε), b' = (b − μ) · γ / √(σ² + ε) + β.
  ///
  /// - Throws: `InferenceError.badParameter` if finite tensors give non-finite results, which a
  ///   clipping activation would hide later.
  fileprivate mutating func fold(
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

  /// The first channel whose weights or bias overflow a float once scaled.
  private var firstOverflow: Int? {
    // The Winograd transform of a filter can be 1.6 times as large as its weights.
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
  /// The largest absolute value of finite numbers; their bit patterns have the same order.
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
