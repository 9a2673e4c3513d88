import Kernels

/// Batch norm and activation, then a depthwise convolution, in one pass over the kept map z.
///
/// Parts of the activation are formed in scratch memory that stays in the L2 cache, with zeros left and right
/// of each row, so that the convolution has no edge cases.
package struct NormalizedDepthwise: Sendable {
  private let geometry: ConvolutionGeometry
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable
  private let filter: DepthwiseFilter
  private let partition: DepthwisePartition
  /// Positions in a row of scratch memory.
  private let paddedWidth: Int

  /// - Parameter nonlinearity: That between batch norm and the convolution.
  package init(
    _ layer: ConvolutionLayer, after nonlinearity: Nonlinearity, kernels: KernelTable
  ) {
    geometry = layer.geometry
    precondition(geometry.inputStride == geometry.outputStride)
    (self.nonlinearity, self.kernels) = (nonlinearity, kernels)
    filter = DepthwiseFilter(layer, kernels: kernels)
    paddedWidth = max(
      geometry.paddingLeft + geometry.inputWidth,
      (geometry.outputWidth - 1) * geometry.stride + geometry.kernel)
    // 256 KiB, beside what is read and written.
    partition = DepthwisePartition(
      rows: geometry.inputHeight, width: paddedWidth, stride: geometry.inputStride, floats: 65_536)
  }

  package var packedCount: Int { filter.packedCount }

  /// Packs the convolution's weights into `packedCount` zeroed floats.
  package func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    self.filter.pack(filter, into: packed)
  }

  package var scratchCount: Int {
    let rows = (geometry.outputHeight + partition.strips - 1) / partition.strips
    return min(geometry.inputHeight, (rows - 1) * geometry.stride + geometry.kernel)
      * paddedWidth * partition.widest
  }

  /// Computes the output of one image.
  ///
  /// - Parameters:
  ///   - scale: Batch norm's factor on each channel of `z`.
  ///   - shift: What it adds.
  ///   - packed: The memory that `pack` filled.
  ///   - scratch: `scratchCount` floats.
  package func run(
    _ z: KeptMap, scale: UnsafePointer<Float>, shift: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, packed: UnsafePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    for strip in 0..<partition.strips {
      let rows = evenRange(strip, of: partition.strips, total: geometry.outputHeight)
      guard !rows.isEmpty else { continue }
      let top = max(0, rows.lowerBound * geometry.stride - geometry.paddingTop)
      let bottom = min(
        geometry.inputHeight,
        (rows.upperBound - 1) * geometry.stride - geometry.paddingTop + geometry.kernel)
      for channels in partition.blocks {
        for row in top..<max(top, bottom) {
          normalize(
            row, channels, z, scale, shift,
            into: scratch + (row - top) * paddedWidth * channels.count)
        }
        for row in rows {
          let line =
            row * geometry.stride - geometry.paddingTop + geometry.kernelRows(for: row).lowerBound
          filter.convolve(
            row: row, columns: 0..<geometry.outputWidth, channels: channels,
            x: scratch + (line - top) * paddedWidth * channels.count,
            inputStride: channels.count, rowStride: paddedWidth * channels.count, packed: packed,
            sums: nil, output: output)
        }
      }
    }
  }

  /// The activation of some channels of a row, zeros left and right of it.
  private func normalize(
    _ row: Int, _ channels: Range<Int>, _ z: KeptMap, _ scale: UnsafePointer<Float>,
    _ shift: UnsafePointer<Float>, into line: UnsafeMutablePointer<Float>
  ) {
    let (width, stride) = (geometry.inputWidth, geometry.inputStride)
    let left = geometry.paddingLeft * channels.count
    let right = left + width * channels.count
    line.update(repeating: 0, count: left)
    (line + right).update(repeating: 0, count: paddedWidth * channels.count - right)
    kernels.training.normalize(
      Normalize(
        rows: width, channels: channels.count,
        z: z + (row * width * stride + channels.lowerBound), zStride: stride,
        scale: scale + channels.lowerBound, shift: shift + channels.lowerBound,
        nonlinearity: nonlinearity, residual: nil, residualStride: 0, out: line + left,
        outStride: channels.count))
  }
}
