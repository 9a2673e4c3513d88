import Host
import Kernels

/// A depthwise convolution's packed weights, and its rows computed from input that has the zeros
/// left and right of the image, so that the inner loop knows no edge.
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

  /// The rows of the kernel that lie inside the image for one output row.
  func kernelRows(for row: Int) -> Range<Int> {
    let top = row * geometry.stride - geometry.paddingTop
    let lowest = max(0, -top)
    return lowest..<max(lowest, min(geometry.kernel, geometry.inputHeight - top))
  }

  /// Computes some columns and channels of one output row.
  ///
  /// - Parameters:
  ///   - channels: begins and ends at multiples of 8.
  ///   - x: what lies under the first of `kernelRows(for: row)` for the first of `columns`, at the
  ///     first of `channels`; positions are `inputStep` floats apart, rows `rowStride`.
  ///   - sums: what the outputs are added to, at channel 0.
  ///   - output: the image's output, at channel 0.
  func convolve(
    row: Int, columns: Range<Int>, channels: Range<Int>, x: UnsafePointer<Float>, inputStep: Int,
    rowStride: Int, sums: UnsafeMutablePointer<Float>?, output: UnsafeMutablePointer<Float>,
    kernels: KernelTable
  ) {
    let g = geometry
    let first = channels.lowerBound
    let kernelRows = kernelRows(for: row)
    kernels.depthwise(
      DepthwiseRow(
        side: g.kernel, stride: g.stride, channels: channels.count, x: x, inputStride: inputStep,
        rowStride: rowStride,
        weights: weights.base + kernelRows.lowerBound * g.kernel * g.outputStep + first,
        weightStride: g.outputStep, kernelRows: kernelRows.count, bias: bias.base + first,
        out: output + (row * g.outputWidth + columns.lowerBound) * g.outputStep + first,
        width: columns.count, outputStride: g.outputStep, nonlinearity: nonlinearity,
        sums: sums.map { $0 + first }))
  }
}
