import Kernels

/// An inverted bottleneck's first half in one step: 1×1 expansion, then depthwise convolution.
///
/// The expanded map is the widest of the network, and nothing else reads it. It is computed for one
/// block of channels and some rows at a time, into scratch memory that stays in the second-level
/// cache, and the depthwise convolution reads it there: it never reaches main memory.
package final class ExpandDepthwise: SummingOperator {
  private let expansion: ConvolutionGeometry
  private let geometry: ConvolutionGeometry
  private let matrix: PackedMatrix
  private let filter: DepthwiseFilter
  private let kernels: KernelTable
  private let strips: Int

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
      expand, inputChannels: expansion.inputChannels, kernel: 1, kernels: kernels)
    filter = try DepthwiseFilter(geometry, depthwise)
    // 384 KiB of expanded rows beside the input they come from; rows shared by two strips are
    // computed twice.
    let rowBytes = geometry.inputWidth * matrix.widestBlock * MemoryLayout<Float>.stride
    let rows = max(1, (393_216 / rowBytes - geometry.kernel) / geometry.stride + 1)
    strips = (geometry.outputHeight + rows - 1) / rows
  }

  package var strategy: String { "expand + depthwise" }

  package var packedBytes: Int { matrix.packedBytes + filter.packedBytes }

  package var partialSums: Int { strips }

  package var scratchCount: Int {
    let rows = (geometry.outputHeight + strips - 1) / strips
    return min(geometry.inputHeight, (rows - 1) * geometry.stride + geometry.kernel)
      * geometry.inputWidth * matrix.widestBlock
  }

  package func taskCount(batch: Int) -> Int { batch * strips * matrix.blockCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let block = task % matrix.blockCount
    let strip = task / matrix.blockCount % strips
    let image = task / matrix.blockCount / strips
    let rows = evenRange(strip, of: strips, total: geometry.outputHeight)
    let top = max(0, rows.lowerBound * geometry.stride - geometry.paddingTop)
    let bottom = min(
      geometry.inputHeight,
      (rows.upperBound - 1) * geometry.stride - geometry.paddingTop + geometry.kernel)
    let first = matrix.bounds[block]
    let width = matrix.bounds[block + 1] - first
    matrix.multiply(
      block: block, rows: (bottom - top) * geometry.inputWidth,
      memory.input + image * expansion.inputCount
        + top * expansion.inputWidth * expansion.inputStep,
      stride: expansion.inputStep, into: memory.scratch, stride: width, residual: nil)
    kernels.depthwise(
      filter.rows(
        rows, channels: first..<first + width,
        // Row 0 of the image, of which only the strip's rows are there to be read.
        x: memory.scratch - top * geometry.inputWidth * width, inputStep: width,
        image: image, sums: memory.sums.map { $0 + (image * strips + strip) * geometry.outputStep },
        output: memory.output))
  }
}
