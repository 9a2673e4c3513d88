import Glibc
import Kernels

/// The mean of every channel over all positions, weighted by the softmax of a score per position: the
/// context of global-context attention.
///
/// Cao et al. 2019, arXiv 1904.11492, section 3.1. The scores are passed as the gate; each takes 8
/// floats, of which the first counts.
package struct AttentionPool: Operator {
  private let positions: Int
  private let stride: Int
  private let kernels: KernelTable
  private let blocks: Int

  package init(positions: Int, channels: Int, kernels: KernelTable) {
    self.positions = positions
    stride = channelStride(channels)
    self.kernels = kernels
    blocks = max(1, stride / 256)
  }

  package var scratchCount: Int { 8 * positions }

  package func taskCount(batch: Int) -> Int { batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    guard let scores = memory.gate else {
      preconditionFailure("attention pooling needs scores")
    }
    let image = task / blocks
    let weights = memory.scratch
    // Every task computes the weights again, which costs little compared with reading the map.
    Self.softmax(scores + image * positions * 8, positions: positions, into: weights)
    let input = memory.input + image * positions * stride
    for unit in evenRange(task % blocks, of: blocks, total: stride / 8) {
      kernels.training.products(
        ChannelProducts(
          rows: positions, channels: 8, x: input + unit * 8, xStride: stride, y: weights,
          yStride: 8, out: memory.output + image * stride + unit * 8))
    }
  }

  /// The weights of all positions, which add up to 1, each repeated 8 times.
  package static func softmax(
    _ scores: UnsafePointer<Float>, positions: Int, into weights: UnsafeMutablePointer<Float>
  ) {
    var largest = -Float.infinity
    for position in 0..<positions { largest = max(largest, scores[position * 8]) }
    var sum = 0.0
    for position in 0..<positions {
      let weight = expf(scores[position * 8] - largest)
      weights[position * 8] = weight
      sum += Double(weight)
    }
    for position in 0..<positions {
      let weight = Float(Double(weights[position * 8]) / sum)
      (weights + position * 8).update(repeating: weight, count: 8)
    }
  }
}

/// Layer norm of a vector (Ba, Kiros & Hinton 2016, arXiv 1607.06450), and an activation.
package struct LayerNorm: Operator {
  private let channels: Int
  private let epsilon: Double
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable
  private var stride: Int { channelStride(channels) }

  package init(
    channels: Int, epsilon: Double, nonlinearity: Nonlinearity, kernels: KernelTable
  ) {
    self.channels = channels
    self.epsilon = epsilon
    self.nonlinearity = nonlinearity
    self.kernels = kernels
  }

  package var packedCount: Int { 2 * stride }
  package var scratchCount: Int { 2 * stride }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    for channel in 0..<channels { packed[channel] = filter.weights[channel] }
    filter.packBias(into: packed + stride)
  }

  package func taskCount(batch: Int) -> Int { batch }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let input = memory.input + task * stride
    let (mean, inverse) = Self.statistics(input, channels: channels, epsilon: epsilon)
    let (scale, shift) = (memory.scratch, memory.scratch + stride)
    // Padding channels have neither weight nor bias, so that they stay zero.
    for channel in 0..<stride {
      let factor = Double(memory.packed[channel]) * inverse
      scale[channel] = Float(factor)
      shift[channel] = Float(Double(memory.packed[stride + channel]) - mean * factor)
    }
    kernels.training.normalize(
      Normalize(
        rows: 1, channels: stride, z: KeptMap(UnsafeMutablePointer(mutating: input)),
        zStride: stride, scale: scale, shift: shift, nonlinearity: nonlinearity, residual: nil,
        residualStride: 0,
        out: memory.output + task * stride, outStride: stride))
  }

  /// The mean of a vector, and the inverse of its standard deviation.
  package static func statistics(
    _ values: UnsafePointer<Float>, channels: Int, epsilon: Double
  ) -> (mean: Double, inverse: Double) {
    var (sum, squares) = (0.0, 0.0)
    for channel in 0..<channels { sum += Double(values[channel]) }
    let mean = sum / Double(channels)
    for channel in 0..<channels {
      let difference = Double(values[channel]) - mean
      squares += difference * difference
    }
    return (mean, 1 / (squares / Double(channels) + epsilon).squareRoot())
  }
}
