import Host
import Kernels

/// An inverted bottleneck's first half in one step: 1×1 expansion, then depthwise convolution.
///
/// The expanded map is the widest in the network, and nothing else reads it. It is computed for one
/// block of channels and some rows at a time, into scratch memory that stays in the L2 cache, where
/// the depthwise convolution reads it, so it never reaches main memory. The rows have zeros on the
/// left and right, so that the depthwise convolution has no edge cases there.
package struct ExpandDepthwise: Operator {
  private let expansion: ConvolutionGeometry
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let filter: DepthwiseFilter
  private let strips: Int
  /// Positions in a row of scratch memory, including zeros.
  private let paddedWidth: Int

  package init(_ expand: ConvolutionLayer, _ depthwise: ConvolutionLayer, kernels: KernelTable) {
    expansion = expand.geometry
    geometry = depthwise.geometry
    precondition(expansion.isPointwise && expansion.outputStride == geometry.inputStride)
    gemm = GEMM(expand, on: ComputeTarget(gemm: .kernels, kernels: kernels))
    filter = DepthwiseFilter(depthwise, kernels: kernels)
    paddedWidth = max(
      geometry.paddingLeft + geometry.inputWidth,
      (geometry.outputWidth - 1) * geometry.stride + geometry.kernel)
    // 384 KiB of expanded rows, in addition to their input; rows shared by two strips are computed
    // twice.
    let rowBytes = paddedWidth * gemm.blocks.widest * MemoryLayout<Float>.stride
    let rows = max(1, (393_216 / rowBytes - geometry.kernel) / geometry.stride + 1)
    strips = (geometry.outputHeight + rows - 1) / rows
  }

  package var packedCount: Int { gemm.packedCount + filter.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    if layer == 0 {
      gemm.pack(filter, into: packed)
    } else {
      self.filter.pack(filter, into: packed + gemm.packedCount)
    }
  }

  package var partialSums: Int { strips }

  package var scratchCount: Int {
    let rows = (geometry.outputHeight + strips - 1) / strips
    return min(geometry.inputHeight, (rows - 1) * geometry.stride + geometry.kernel)
      * paddedWidth * gemm.blocks.widest
  }

  package func taskCount(batch: Int) -> Int { batch * strips * gemm.blocks.count }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let block = task % gemm.blocks.count
    let strip = task / gemm.blocks.count % strips
    let image = task / gemm.blocks.count / strips
    let rows = evenRange(strip, of: strips, total: geometry.outputHeight)
    let channels = gemm.blocks[block]
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
      gemm.multiply(
        block: block, m: expansion.inputWidth,
        memory.input + image * expansion.inputCount
          + row * expansion.inputWidth * expansion.inputStride,
        lda: expansion.inputStride, packed: memory.packed, into: line + left, ldc: width,
        residual: nil)
    }
    let sums = memory.sums.map { $0 + (image * strips + strip) * geometry.outputStride }
    sums.map { $0 + channels.lowerBound }?.update(repeating: 0, count: width)
    for row in rows {
      let line =
        row * geometry.stride - geometry.paddingTop + geometry.kernelRows(for: row).lowerBound
      filter.convolve(
        row: row, columns: 0..<geometry.outputWidth, channels: channels,
        x: memory.scratch + (line - top) * rowStride, inputStride: width, rowStride: rowStride,
        packed: memory.packed + gemm.packedCount, sums: sums,
        output: memory.output + image * geometry.outputCount)
    }
  }
}
