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
  /// Tasks for each strip: groups of channel blocks, which share the converted input.
  private let groups: Int
  /// Positions in a row of scratch memory, including zeros.
  private let paddedWidth: Int

  package init(
    _ expand: ConvolutionLayer, _ depthwise: ConvolutionLayer, _ precision: ProductPrecision,
    on target: ComputeTarget
  ) {
    expansion = expand.geometry
    geometry = depthwise.geometry
    precondition(expansion.isPointwise && expansion.outputStride == geometry.inputStride)
    gemm = GEMM(expand, precision, on: target)
    filter = DepthwiseFilter(depthwise, kernels: target.kernels)
    paddedWidth = max(
      geometry.paddingLeft + geometry.inputWidth,
      (geometry.outputWidth - 1) * geometry.stride + geometry.kernel)
    // 384 KiB of expanded rows, in addition to their input; rows shared by two strips are computed
    // twice.
    let rowBytes = paddedWidth * gemm.blocks.widest * MemoryLayout<Float>.stride
    let rows = max(1, (393_216 / rowBytes - geometry.kernel) / geometry.stride + 1)
    strips = (geometry.outputHeight + rows - 1) / rows
    groups =
      gemm.converts(gated: false)
      ? min(gemm.blocks.count, strips >= 8 ? 1 : (strips >= 4 ? 2 : 4)) : gemm.blocks.count
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

  /// Input rows of the tallest strip.
  private var inputRows: Int {
    let rows = (geometry.outputHeight + strips - 1) / strips
    return min(geometry.inputHeight, (rows - 1) * geometry.stride + geometry.kernel)
  }

  /// Floats of the expanded rows of a block.
  private var expandedCount: Int { inputRows * paddedWidth * gemm.blocks.widest }

  package var scratchCount: Int {
    expandedCount
      + (gemm.converts(gated: false) ? gemm.panelCount(rows: inputRows * paddedWidth) : 0)
  }

  package func taskCount(batch: Int) -> Int { batch * strips * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let strip = task / groups % strips
    let image = task / groups / strips
    let rows = evenRange(strip, of: strips, total: geometry.outputHeight)
    let top = max(0, rows.lowerBound * geometry.stride - geometry.paddingTop)
    let bottom = min(
      geometry.inputHeight,
      (rows.upperBound - 1) * geometry.stride - geometry.paddingTop + geometry.kernel)
    let input =
      memory.input + image * expansion.inputCount
      + top * expansion.inputWidth * expansion.inputStride
    let converted = gemm.converts(gated: false) ? convert(input, rows: bottom - top, memory) : nil
    let sums = memory.sums.map { $0 + (image * strips + strip) * geometry.outputStride }
    for block in evenRange(task % groups, of: groups, total: gemm.blocks.count) {
      expand(input, converted, rows: bottom - top, block: block, memory)
      convolve(rows, block: block, top: top, image: image, sums: sums, memory)
    }
  }

  /// Converts rows of the image, with space for the zeros left and right of each, so that one product
  /// can expand all of them.
  private func convert(
    _ input: UnsafePointer<Float>, rows: Int, _ memory: OperatorMemory
  ) -> GEMMRows {
    let panel = gemm.panel(rows: rows * paddedWidth, at: memory.scratch + expandedCount)
    for row in 0..<rows {
      gemm.convert(
        rows: expansion.inputWidth, input + row * expansion.inputWidth * expansion.inputStride,
        lda: expansion.inputStride, to: panel.from(row * paddedWidth + geometry.paddingLeft))
    }
    return panel
  }

  /// Expands rows of the image into scratch memory, zeros left and right of each.
  private func expand(
    _ input: UnsafePointer<Float>, _ converted: GEMMRows?, rows: Int, block: Int,
    _ memory: OperatorMemory
  ) {
    let width = gemm.blocks[block].count
    let rowStride = paddedWidth * width
    let left = geometry.paddingLeft * width
    let right = left + geometry.inputWidth * width
    if let converted, gemm.isTiled {
      // Tiles of 32 rows: one product wastes less on zeros than a tile would for each row.
      gemm.multiply(
        block: block, m: rows * paddedWidth, converted, packed: memory.packed,
        into: memory.scratch, ldc: width, residual: nil)
    }
    for row in 0..<rows {
      let line = memory.scratch + row * rowStride
      line.update(repeating: 0, count: left)
      (line + right).update(repeating: 0, count: rowStride - right)
      if gemm.isTiled && converted != nil { continue }
      let first = row * expansion.inputWidth * expansion.inputStride
      gemm.multiply(
        block: block, m: expansion.inputWidth,
        converted?.from(row * paddedWidth + geometry.paddingLeft)
          ?? GEMMRows(a: input + first, lda: expansion.inputStride),
        packed: memory.packed, into: line + left, ldc: width, residual: nil,
        fetchedTiles: row * gemm.tiles(rows: expansion.inputWidth))
    }
  }

  /// The output rows of a block, from scratch memory whose first row is the image's row `top`.
  private func convolve(
    _ rows: Range<Int>, block: Int, top: Int, image: Int, sums: UnsafeMutablePointer<Float>?,
    _ memory: OperatorMemory
  ) {
    let channels = gemm.blocks[block]
    let rowStride = paddedWidth * channels.count
    sums.map { $0 + channels.lowerBound }?.update(repeating: 0, count: channels.count)
    for row in rows {
      let line =
        row * geometry.stride - geometry.paddingTop + geometry.kernelRows(for: row).lowerBound
      filter.convolve(
        row: row, columns: 0..<geometry.outputWidth, channels: channels,
        x: memory.scratch + (line - top) * rowStride, inputStride: channels.count,
        rowStride: rowStride, packed: memory.packed + gemm.packedCount, sums: sums,
        output: memory.output + image * geometry.outputCount)
    }
  }
}
