import Host
import Kernels

/// A convolution's weights with batch norm folded in, still in the file's order, to be packed.
package struct ConvolutionFilter {
  /// `[out, in / groups, kernel, kernel]`, PyTorch's order; empty where an operator is only planned,
  /// and then nothing is packed.
  package var weights: UnsafeBufferPointer<Float>
  /// What batch norm multiplies each output channel by.
  package var scale: [Double]
  /// What is added to each output channel, batch norm folded in.
  package var bias: [Double]
  /// What follows.
  package var nonlinearity: Nonlinearity

  package init(
    weights: UnsafeBufferPointer<Float>, scale: [Double], bias: [Double],
    nonlinearity: Nonlinearity
  ) {
    self.weights = weights
    self.scale = scale
    self.bias = bias
    self.nonlinearity = nonlinearity
  }

  /// A filter of `channels` outputs that an operator is to be planned with, not run.
  package static func planned(channels: Int) -> ConvolutionFilter {
    ConvolutionFilter(
      weights: UnsafeBufferPointer(start: nil, count: 0),
      scale: [Double](repeating: 1, count: channels),
      bias: [Double](repeating: 0, count: channels), nonlinearity: .identity)
  }

  /// The bias as floats, padded with zeros to the channel step.
  func packedBias() throws(OutOfMemory) -> AlignedBuffer {
    let packed = try AlignedBuffer(count: channelStep(bias.count))
    if weights.isEmpty { return packed }
    for (channel, value) in bias.enumerated() { packed.base[channel] = Float(value) }
    return packed
  }

  /// Packs the weights of some output channels as a matrix of `kernel² · inputStep` rows, ordered
  /// (row, column, input channel) as im2col gathers them, and a column per output channel.
  ///
  /// Weights are scaled in Double: scaled as floats, they would be rounded twice.
  ///
  /// - Parameters:
  ///   - inputStep: rows for each position under the kernel, `inputChannels` or more.
  ///   - target: the first row, at the first of `outputs`.
  ///   - width: floats between rows.
  func pack(
    _ outputs: Range<Int>, inputChannels: Int, inputStep: Int, kernel: Int,
    into target: UnsafeMutablePointer<Float>, width: Int
  ) {
    guard let weights = weights.baseAddress else { return }
    let taps = kernel * kernel
    let depth = inputChannels * taps
    var first = outputs.lowerBound
    // Eight columns at a time: eight sequential streams are read, and written half a cache line at
    // a time.
    while first + 8 <= outputs.upperBound {
      var factors = SIMD8<Double>()
      for lane in 0..<8 { factors[lane] = scale[first + lane] }
      for tap in 0..<taps {
        var source = weights + first * depth + tap
        var row = target + tap * inputStep * width + first - outputs.lowerBound
        for _ in 0..<inputChannels {
          for lane in 0..<8 { row[lane] = Float(Double(source[lane &* depth]) * factors[lane]) }
          source += taps
          row += width
        }
      }
      first += 8
    }
    for output in first..<max(first, outputs.upperBound) {
      let factor = scale[output]
      for tap in 0..<taps {
        let source = weights + output * depth + tap
        let column = target + tap * inputStep * width + output - outputs.lowerBound
        for channel in 0..<inputChannels {
          column[channel * width] = Float(Double(source[channel * taps]) * factor)
        }
      }
    }
  }
}

/// The kernels' closed set of non-linearities.
package typealias Nonlinearity = Kernels.Nonlinearity
/// The kernels of one instruction set.
package typealias KernelTable = Kernels.KernelTable
