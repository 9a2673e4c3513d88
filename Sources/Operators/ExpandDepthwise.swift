import Host
import Kernels

/// An inverted bottleneck's first half in one step: 1×1 expansion, then depthwise convolution.
///
/// The expanded map is the widest of the network, and nothing else reads it. It is computed for one
/// block of channels and some rows at a time, into scratch memory that stays in the second-level
/// cache, and the depthwise convolution reads it there: it never reaches main memory. Zeros stand
/// left and right of the rows, so that the depthwise convolution meets no edge there.
package final class ExpandDepthwise: SummingOperator {
  private let expansion: ConvolutionGeometry
  private let geometry: ConvolutionGeometry
  private let matrix: PackedMatrix
  private let filter: DepthwiseFilter
  private let kernels: KernelTable
  private let strips: Int
  /// Positions of a row of scratch memory, zeros included.
  private let paddedWidth: Int

  /// Packs both filters; `geometry` is the depthwise convolution's.
  package init(
    expansion: ConvolutionGeometry, _ expand: ConvolutionFilter,
    depthwise geometry: ConvolutionGeometry,
    _ depthwise: ConvolutionFilter, kernels: KernelTable
  ) throws(OutOfMemory) {
    precondition(expansion.isPointwise && expansion.outputStep == geometry.inputStep)
    self.expansion = expansion
    self.geometry = geometry
    self.kernels = kernels
    matrix = try PackedMatrix(
      expand, inputChannels: expansion.inputChannels, kernels: kernels)
    filter = try DepthwiseFilter(geometry, depthwise)
    paddedWidth = max(
      geometry.paddingLeft + geometry.inputWidth,
      (geometry.outputWidth - 1) * geometry.stride + geometry.kernel)
    // 384 KiB of expanded rows beside the input they come from; rows shared by two strips are
    // computed twice.
    let rowBytes = paddedWidth * matrix.widestBlock * MemoryLayout<Float>.stride
    let rows = max(1, (393_216 / rowBytes - geometry.kernel) / geometry.stride + 1)
    strips = (geometry.outputHeight + rows - 1) / rows
  }

  package var strategy: String { "expand + depthwise" }

  package var packedBytes: Int { matrix.packedBytes + filter.packedBytes }

  package var partialSums: Int { strips }

  package var scratchCount: Int {
    let rows = (geometry.outputHeight + strips - 1) / strips
    return min(geometry.inputHeight, (rows - 1) * geometry.stride + geometry.kernel)
      * paddedWidth * matrix.widestBlock
  }

  package func taskCount(batch: Int) -> Int { batch * strips * matrix.blockCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let block = task % matrix.blockCount
    let strip = task / matrix.blockCount % strips
    let image = task / matrix.blockCount / strips
    let rows = evenRange(strip, of: strips, total: geometry.outputHeight)
    let channels = matrix.bounds[block]..<matrix.bounds[block + 1]
    let width = channels.count
    let rowStride = paddedWidth * width
    let top = max(0, rows.lowerBound * geometry.stride - geometry.paddingTop)
    let bottom = min(
      geometry.inputHeight,
      (rows.upperBound - 1) * geometry.stride - geometry.paddingTop + geometry.kernel)
    for row in top..<bottom {
      let line = memory.scratch + (row - top) * rowStride
      let left = geometry.paddingLeft * width
      let right = left + geometry.inputWidth * width
      line.update(repeating: 0, count: left)
      (line + right).update(repeating: 0, count: rowStride - right)
      matrix.multiply(
        block: block, rows: expansion.inputWidth,
        memory.input + image * expansion.inputCount
          + row * expansion.inputWidth * expansion.inputStep,
        stride: expansion.inputStep, into: line + left, stride: width, residual: nil)
    }
    let sums = memory.sums.map { $0 + (image * strips + strip) * geometry.outputStep }
    sums.map { $0 + channels.lowerBound }?.update(repeating: 0, count: width)
    for row in rows {
      let line =
        row * geometry.stride - geometry.paddingTop + filter.kernelRows(for: row).lowerBound
      filter.convolve(
        row: row, columns: 0..<geometry.outputWidth, channels: channels,
        x: memory.scratch + (line - top) * rowStride, inputStep: width, rowStride: rowStride,
        sums: sums, output: memory.output + image * geometry.outputCount, kernels: kernels)
    }
  }
}
