import Kernels

/// A convolution's weights with batch norm folded in, still in the file's order, to be packed.
package struct ConvolutionFilter {
  /// `[out, in / groups, kernel, kernel]`, PyTorch's order.
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

  /// The bias as floats, padded with zeros to the channel step.
  func packedBias() -> AlignedBuffer {
    let packed = AlignedBuffer(count: channelStep(bias.count))
    for (channel, value) in bias.enumerated() { packed.base[channel] = Float(value) }
    return packed
  }

  /// The weights as a matrix of `kernel² · inputStep` rows, ordered (row, column, input channel) as
  /// im2col gathers them, and a column per output channel.
  ///
  /// - Parameters:
  ///   - inputStep: rows for each position under the kernel, `inputChannels` or more.
  ///   - place: where the float of a row and an output channel goes.
  @inline(__always)
  func pack(
    inputChannels: Int, inputStep: Int, kernel: Int, into target: UnsafeMutablePointer<Float>,
    place: (_ row: Int, _ output: Int) -> Int
  ) {
    let taps = kernel * kernel
    for output in 0..<scale.count {
      let factor = scale[output]
      let source = weights.baseAddress! + output * inputChannels * taps
      for channel in 0..<inputChannels {
        for tap in 0..<taps {
          target[place(tap * inputStep + channel, output)] =
            Float(Double(source[channel * taps + tap]) * factor)
        }
      }
    }
  }
}

/// The kernels' closed set of non-linearities.
package typealias Nonlinearity = Kernels.Nonlinearity
/// The kernels of one instruction set.
package typealias KernelTable = Kernels.KernelTable
