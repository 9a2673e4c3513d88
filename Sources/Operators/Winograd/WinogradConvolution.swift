import Kernels

/// How a 3×3 convolution is cut into Winograd tiles.
package typealias WinogradVariant = Kernels.WinogradVariant

/// A 3×3 convolution by Winograd's method (Lavin & Gray 2016, arXiv 1509.09308).
///
/// The transforms cost accuracy: the error is up to 1.5e-5 of the largest output with tiles of 6×6,
/// 8e-6 with 4×4, and 2e-6 with stride 2, compared with 1e-6 for the direct method. Tests enforce a
/// bound for each.
package struct WinogradConvolution: Operator {
  private let panel: WinogradPanel

  /// - Parameters:
  ///   - variant: one with the geometry's stride.
  ///   - precision: f32 or int16.
  package init(
    _ layer: ConvolutionLayer, _ variant: WinogradVariant, _ precision: ProductPrecision,
    kernels: KernelTable
  ) {
    panel = WinogradPanel(layer, variant, precision, extraFloatsPerTile: 0, kernels: kernels)
  }

  package var packedCount: Int { panel.filter.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    panel.filter.pack(filter, into: packed)
  }

  package var multiplyAdds: Int? { panel.multiplyAdds }

  package var scratchCount: Int { panel.scratchCount }

  package func taskCount(batch: Int) -> Int { batch * panel.grid.chunkCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let geometry = panel.geometry
    let image = task / panel.grid.chunkCount
    let chunk = panel.grid.chunk(task % panel.grid.chunkCount)
    let (rows, columns) = panel.positions(of: chunk)
    let offset =
      image * geometry.outputCount
      + (rows.lowerBound * geometry.outputWidth + columns.lowerBound) * geometry.outputStride
    panel.run(
      chunk, of: memory.input + image * geometry.inputCount, packed: memory.packed,
      into: memory.output + offset, rowStride: geometry.outputWidth * geometry.outputStride,
      residual: memory.residual.map { $0 + offset }, scratch: memory.scratch)
  }
}

/// A fused inverted bottleneck in one step: 3×3 expansion by Winograd's method, then 1×1 projection
/// (EfficientNetV2, arXiv 2104.00298, figure 2).
///
/// The expanded map is the widest in the block, and nothing else reads it. It is computed a chunk
/// at a time, into scratch memory that stays in the L2 cache, where the projection reads it, so it
/// never reaches main memory.
package struct WinogradProject: Operator {
  private let panel: WinogradPanel
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM

  package init(
    _ expand: ConvolutionLayer, _ project: ConvolutionLayer, _ variant: WinogradVariant,
    _ precision: ProductPrecision, project projection: ProductPrecision,
    on target: ComputeTarget
  ) {
    geometry = project.geometry
    precondition(geometry.isPointwise && expand.geometry.outputCount == geometry.inputCount)
    panel = WinogradPanel(
      expand, variant, precision,
      extraFloatsPerTile: variant.outputs * variant.outputs * geometry.inputStride,
      kernels: target.kernels)
    gemm = GEMM(project, projection, on: target)
  }

  package var packedCount: Int { panel.filter.packedCount + gemm.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    if layer == 0 {
      panel.filter.pack(filter, into: packed)
    } else {
      gemm.pack(filter, into: packed + panel.filter.packedCount)
    }
  }

  package var multiplyAdds: Int? {
    panel.multiplyAdds + geometry.outputPositions * gemm.k * gemm.n
  }

  package var scratchCount: Int {
    panel.scratchCount + panel.largestCount * geometry.inputStride
      + (gemm.converts(gated: false) ? gemm.panelCount(rows: panel.largestCount) : 0)
  }

  package func taskCount(batch: Int) -> Int { batch * panel.grid.chunkCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / panel.grid.chunkCount
    let chunk = panel.grid.chunk(task % panel.grid.chunkCount)
    let (rows, columns) = panel.positions(of: chunk)
    let stride = geometry.inputStride
    let expanded = memory.scratch + panel.scratchCount
    panel.run(
      chunk, of: memory.input + image * panel.geometry.inputCount, packed: memory.packed,
      into: expanded, rowStride: columns.count * stride, residual: nil, scratch: memory.scratch)
    let start = image * geometry.outputCount
    let a =
      gemm.converts(gated: false)
      ? gemm.convert(
        rows: rows.count * columns.count, expanded, lda: stride,
        into: expanded + panel.largestCount * stride)
      : GEMMRows(a: expanded, lda: stride)
    for (index, row) in rows.enumerated() {
      let offset =
        start + (row * geometry.outputWidth + columns.lowerBound) * geometry.outputStride
      gemm.multiply(
        m: columns.count, a.from(index * columns.count),
        blocks: 0..<gemm.blocks.count, packed: memory.packed + panel.filter.packedCount,
        into: memory.output + offset, ldc: geometry.outputStride,
        residual: memory.residual.map { $0 + offset })
    }
  }
}
