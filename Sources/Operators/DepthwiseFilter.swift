import Kernels

/// A depthwise convolution's packed weights, and the kernel's arguments for a part of its output.
struct DepthwiseFilter: Sendable {
  let geometry: ConvolutionGeometry
  /// kernel × kernel vectors of `outputStep` weights.
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity

  init(_ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter) throws(OutOfMemory) {
    self.geometry = geometry
    let step = geometry.outputStep
    let taps = geometry.kernel * geometry.kernel
    weights = try AlignedBuffer(count: taps * step)
    for channel in 0..<geometry.outputChannels where !filter.weights.isEmpty {
      for tap in 0..<taps {
        weights.base[tap * step + channel] =
          Float(Double(filter.weights[channel * taps + tap]) * filter.scale[channel])
      }
    }
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
  }

  var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  /// The arguments for some output rows and channels of one image.
  ///
  /// - Parameters:
  ///   - channels: begins at a multiple of 8.
  ///   - x: row 0 of the input, at the first of `channels`; positions are `inputStep` apart.
  ///   - sums: channel 0 of the sums of these rows.
  ///   - output: the first image of the output, at channel 0.
  func rows(
    _ rows: Range<Int>, channels: Range<Int>, x: UnsafePointer<Float>, inputStep: Int, image: Int,
    sums: UnsafeMutablePointer<Float>?, output: UnsafeMutablePointer<Float>
  ) -> DepthwiseRows {
    let first = channels.lowerBound
    return DepthwiseRows(
      kernel: geometry.kernel, stride: geometry.stride, paddingTop: geometry.paddingTop,
      paddingLeft: geometry.paddingLeft, channels: channels.count, x: x,
      inputHeight: geometry.inputHeight, inputWidth: geometry.inputWidth, inputStep: inputStep,
      out: output + image * geometry.outputCount
        + rows.lowerBound * geometry.outputWidth * geometry.outputStep + first,
      firstRow: rows.lowerBound, rows: rows.count, outputWidth: geometry.outputWidth,
      outputStep: geometry.outputStep, weights: weights.base + first,
      weightStep: geometry.outputStep, bias: bias.base + first, nonlinearity: nonlinearity,
      sums: sums.map { $0 + first })
  }
}
