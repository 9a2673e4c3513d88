import Kernels

/// A k×k convolution by our packed GEMM, which reads the feature map in place: an implicit im2col.
///
/// Under the kernel, k neighbouring positions in a row are one run of floats, and the next output
/// position's run begins `stride` positions later: k segments of a row of A. Only the few output
/// columns where the kernel extends over the left or right edge are gathered, with zeros around
/// them.
package struct DirectConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let im2col: Im2col
  /// Output columns with the kernel inside the image.
  private let inner: Range<Int>
  /// Tasks for each image: strips of output rows.
  private let strips: Int

  package init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    // Padding channels of the input take part too, with weights of zero.
    var padded = layer.geometry
    padded.inputChannels = padded.inputStride
    geometry = padded
    im2col = Im2col(geometry: padded)
    gemm = GEMM(layer, padsChannels: true, on: ComputeTarget(gemm: .kernels, kernels: kernels))
    inner = padded.innerColumns
    // About a million multiply-adds per task, some ten microseconds: enough to hide the dispatch,
    // with enough tasks for two threads to finish together.
    let work = padded.outputPositions * layer.geometry.depth * padded.outputChannels
    strips = min(padded.outputHeight, max(2, work >> 20))
  }

  package var packedCount: Int { gemm.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    gemm.pack(filter, into: packed)
  }

  package var scratchCount: Int {
    (geometry.outputHeight + strips - 1) / strips * geometry.depth
  }

  package func taskCount(batch: Int) -> Int { batch * strips }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / strips
    let rows = evenRange(task % strips, of: strips, total: geometry.outputHeight)
    var memory = memory
    memory.input += image * geometry.inputCount
    memory.output += image * geometry.outputCount
    memory.residual = memory.residual.map { $0 + image * geometry.outputCount }
    for block in 0..<gemm.blocks.count {
      for row in rows where !inner.isEmpty { multiply(row: row, block: block, memory) }
    }
    for column in 0..<geometry.outputWidth where !inner.contains(column) {
      gather(column: column, rows, memory)
    }
  }

  /// The inner columns of one output row.
  private func multiply(row: Int, block: Int, _ memory: OperatorMemory) {
    let g = geometry
    let kernelRows = g.kernelRows(for: row)
    let top = row * g.stride - g.paddingTop + kernelRows.lowerBound
    let left = inner.lowerBound * g.stride - g.paddingLeft
    let offset =
      (row * g.outputWidth + inner.lowerBound) * g.outputStride + gemm.blocks[block].lowerBound
    gemm.multiply(
      block: block, m: inner.count,
      GEMMRows(
        a: memory.input + (top * g.inputWidth + left) * g.inputStride,
        lda: g.stride * g.inputStride),
      kernelRows: kernelRows, kernelStride: g.inputWidth * g.inputStride, packed: memory.packed,
      into: memory.output + offset, ldc: g.outputStride,
      residual: memory.residual.map { $0 + offset })
  }

  /// One column at the edge, for all rows of a strip; the rows of A are one image row apart.
  private func gather(column: Int, _ rows: Range<Int>, _ memory: OperatorMemory) {
    let g = geometry
    for (index, row) in rows.enumerated() {
      im2col.gather(
        row: row, column: column, of: memory.input, into: memory.scratch + index * g.depth)
    }
    let offset = (rows.lowerBound * g.outputWidth + column) * g.outputStride
    gemm.multiply(
      m: rows.count, GEMMRows(a: memory.scratch, lda: g.depth), blocks: 0..<gemm.blocks.count,
      packed: memory.packed, into: memory.output + offset, ldc: g.outputWidth * g.outputStride,
      residual: memory.residual.map { $0 + offset })
  }
}
