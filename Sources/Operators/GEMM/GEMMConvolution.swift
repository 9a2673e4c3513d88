import Kernels

/// A convolution as a matrix product: a panel of output positions, the product, the epilogue.
///
/// A 1×1 convolution reads the feature map in place, or a converted panel at lower precision or if
/// squeeze-excite gates it; with OpenBLAS, any other convolution gathers its panel by im2col. Panels
/// do not depend on the number of threads or images, and OpenBLAS runs on the calling thread, so
/// results are bit-identical for any number of either.
package struct GEMMConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let im2col: Im2col
  /// Whether panels are converted.
  private let converts: Bool
  /// Tasks for each image: panels of positions × groups of column blocks.
  private let panels: Int
  private let groups: Int

  /// - Parameter isGated: whether `OperatorMemory.gate` multiplies the input; pointwise convolutions
  ///   only.
  package init(
    _ layer: ConvolutionLayer, _ precision: ProductPrecision, isGated: Bool,
    on target: ComputeTarget
  ) {
    geometry = layer.geometry
    precondition(!isGated || geometry.isPointwise)
    gemm = GEMM(layer, precision, on: target)
    converts = gemm.converts(gated: isGated)
    im2col = Im2col(geometry: geometry)
    switch target.gemm {
    case .kernels:
      precondition(geometry.isPointwise)
      (panels, groups) = Self.partition(geometry, gemm, converts: converts)
    case .openBLAS: (panels, groups) = (Self.panelCountForOpenBLAS(geometry), 1)
    }
  }

  /// A panel of 256 KiB stays in a second-level cache while the column blocks pass over it; a multiple
  /// of 8 rows fills its tiles.
  private static func partition(
    _ geometry: ConvolutionGeometry, _ gemm: GEMM, converts: Bool
  ) -> (panels: Int, groups: Int) {
    let rows = max(8, min(1024, 65_536 / gemm.depth) & ~7)
    let count = (geometry.outputPositions + rows - 1) / rows
    let panels = min(max(count, 1), max(1, geometry.outputPositions / 8))
    // With few panels, the column blocks are distributed too. A panel is converted again for each
    // group, so the conversion must be cheap compared with the product.
    let wanted = panels >= 6 ? 1 : (converts ? 2 : 8)
    return (panels, min(gemm.blocks.count, max(1, wanted / panels)))
  }

  /// At most 192 positions and 512 KiB of gathered values per panel.
  ///
  /// With that many rows, OpenBLAS's own packing of the weights is cheap compared with the product,
  /// and the panel still fits into the L2 cache. An even number of panels lets two threads finish
  /// together.
  private static func panelCountForOpenBLAS(_ geometry: ConvolutionGeometry) -> Int {
    let rows = min(192, max(48, 131_072 / geometry.depth))
    let count = (geometry.outputPositions + rows - 1) / rows
    return count == 1 ? (geometry.outputPositions >= 32 ? 2 : 1) : count + count % 2
  }

  package var packedCount: Int { gemm.packedCount }
  package var packingLeavesGaps: Bool { gemm.packingLeavesGaps }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    gemm.pack(filter, into: packed)
  }

  package var scratchCount: Int {
    if geometry.isPointwise && !converts { return 0 }
    let rows = (geometry.outputPositions + panels - 1) / panels
    return converts ? gemm.panelCount(rows: rows) : rows * geometry.depth
  }

  package func taskCount(batch: Int) -> Int { batch * panels * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (panels * groups)
    let positions = evenRange(task / groups % panels, of: panels, total: geometry.outputPositions)
    let start = image * geometry.outputCount + positions.lowerBound * geometry.outputStride
    gemm.multiply(
      m: positions.count, panel(positions, image: image, memory),
      blocks: evenRange(task % groups, of: groups, total: gemm.blocks.count),
      packed: memory.packed, into: memory.output + start, ldc: geometry.outputStride,
      residual: memory.residual.map { $0 + start })
  }

  /// The rows of A for some positions.
  private func panel(_ positions: Range<Int>, image: Int, _ memory: OperatorMemory) -> GEMMRows {
    let input = memory.input + image * geometry.inputCount
    let stride = geometry.inputStride
    guard geometry.isPointwise else {
      im2col.gather(positions, of: input, into: memory.scratch)
      return GEMMRows(a: memory.scratch, lda: geometry.depth)
    }
    let first = input + positions.lowerBound * stride
    guard converts else { return GEMMRows(a: first, lda: stride) }
    return gemm.convert(
      rows: positions.count, first, lda: stride, gate: memory.gate.map { $0 + image * stride },
      into: memory.scratch)
  }
}
