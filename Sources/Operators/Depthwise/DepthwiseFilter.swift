import Kernels

/// The packed layout of a depthwise convolution's weights, and the computation of its rows.
///
/// The input must include zeros left and right of the image, so that the inner loop has no edge
/// cases.
struct DepthwiseFilter: Sendable {
  let geometry: ConvolutionGeometry
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable

  init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    geometry = layer.geometry
    nonlinearity = layer.nonlinearity
    self.kernels = kernels
  }

  private var taps: Int { geometry.kernel * geometry.kernel }
  private var weights: DepthwiseWeights { DepthwiseWeights(taps: taps) }

  /// Floats of packed weights and biases.
  var packedCount: Int { weights.count(channels: geometry.outputStride) }

  func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    for channel in 0..<geometry.outputChannels {
      for tap in 0..<taps {
        packed[weights.offset(tap: tap, channel: channel)] =
          Float(Double(filter.weights[channel * taps + tap]) * filter.scale[channel])
      }
      packed[weights.offset(tap: taps, channel: channel)] = Float(filter.bias[channel])
    }
  }

  /// Computes some columns and channels of one output row.
  ///
  /// - Parameters:
  ///   - channels: begins at a multiple of 16 or of the vectors' width, and ends at one of 8.
  ///   - x: the input under the first of `geometry.kernelRows(for: row)` for the first of
  ///     `columns`, at the first of `channels`; positions are `inputStride` floats apart, rows
  ///     `rowStride`.
  ///   - packed: the memory that `pack` filled.
  ///   - sums: the sums to add the outputs to, at channel 0.
  ///   - output: the image's output, at channel 0.
  func convolve(
    row: Int, columns: Range<Int>, channels: Range<Int>, x: UnsafePointer<Float>, inputStride: Int,
    rowStride: Int, packed: UnsafePointer<Float>, sums: UnsafeMutablePointer<Float>?,
    output: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let first = channels.lowerBound
    let kernelRows = g.kernelRows(for: row)
    kernels.depthwise(
      DepthwiseRow(
        side: g.kernel, stride: g.stride, channels: channels.count, x: x, inputStride: inputStride,
        rowStride: rowStride,
        weights: packed + weights.offset(tap: kernelRows.lowerBound * g.kernel, channel: 0),
        bias: packed + weights.offset(tap: taps, channel: 0), groupStride: weights.groupStride,
        firstChannel: first, kernelRows: kernelRows.count,
        out: output + (row * g.outputWidth + columns.lowerBound) * g.outputStride + first,
        width: columns.count, outputStride: g.outputStride, nonlinearity: nonlinearity,
        sums: sums.map { $0 + first }))
  }
}
