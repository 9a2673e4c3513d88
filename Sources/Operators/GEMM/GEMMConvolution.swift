import Kernels

/// A convolution as a matrix product: a panel of output positions, the product, the epilogue.
///
/// A 1×1 convolution reads the feature map in place, or a scaled copy if squeeze-excite gates it;
/// with OpenBLAS, any other convolution gathers its panel by im2col. Panels do not depend on the
/// number of threads or images, and OpenBLAS runs on the calling thread, so results are
/// bit-identical for any number of either.
package struct GEMMConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let im2col: Im2col
  private let isGated: Bool
  private let kernels: KernelTable
  /// Tasks for each image: panels of positions × groups of column blocks.
  private let panels: Int
  private let groups: Int

  /// - Parameter isGated: whether `OperatorMemory.gate` multiplies the input; pointwise convolutions
  ///   only.
  package init(_ layer: ConvolutionLayer, isGated: Bool, on target: ComputeTarget) {
    geometry = layer.geometry
    precondition(!isGated || geometry.isPointwise)
    self.isGated = isGated
    kernels = target.kernels
    gemm = GEMM(layer, on: target)
    im2col = Im2col(geometry: geometry)
    switch target.gemm {
    case .kernels:
      precondition(geometry.isPointwise)
      (panels, groups) = Self.partition(geometry, blocks: gemm.blocks.count, isGated: isGated)
    case .openBLAS: (panels, groups) = (Self.panelCountForOpenBLAS(geometry), 1)
    }
  }

  /// A panel of 256 KiB stays in a second-level cache while the column blocks pass over it; a multiple
  /// of 8 rows fills its tiles.
  private static func partition(
    _ geometry: ConvolutionGeometry, blocks: Int, isGated: Bool
  ) -> (panels: Int, groups: Int) {
    let rows = max(8, min(1024, 65_536 / geometry.depth) & ~7)
    let count = (geometry.outputPositions + rows - 1) / rows
    let panels = min(max(count, 1), max(1, geometry.outputPositions / 8))
    // With few panels, the column blocks are distributed too. A gated panel is copied again for
    // each group, so the copy must be cheap compared with the product.
    let wanted = panels >= 6 ? 1 : (isGated ? 2 : 8)
    return (panels, min(blocks, max(1, wanted / panels)))
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

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    gemm.pack(filter, into: packed)
  }

  package var scratchCount: Int {
    if geometry.isPointwise && !isGated { return 0 }
    let rows = (geometry.outputPositions + panels - 1) / panels
    return rows * (isGated ? geometry.inputStride : geometry.depth)
  }

  package func taskCount(batch: Int) -> Int { batch * panels * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (panels * groups)
    let positions = evenRange(task / groups % panels, of: panels, total: geometry.outputPositions)
    let start = image * geometry.outputCount + positions.lowerBound * geometry.outputStride
    let (a, lda) = panel(positions, image: image, memory)
    gemm.multiply(
      m: positions.count, a, lda: lda,
      blocks: evenRange(task % groups, of: groups, total: gemm.blocks.count),
      packed: memory.packed, into: memory.output + start, ldc: geometry.outputStride,
      residual: memory.residual.map { $0 + start })
  }

  /// The rows of A for some positions, and their distance in floats.
  private func panel(
    _ positions: Range<Int>, image: Int, _ memory: OperatorMemory
  ) -> (a: UnsafePointer<Float>, lda: Int) {
    let input = memory.input + image * geometry.inputCount
    let stride = geometry.inputStride
    guard geometry.isPointwise else {
      im2col.gather(positions, of: input, into: memory.scratch)
      return (UnsafePointer(memory.scratch), geometry.depth)
    }
    guard isGated, let gate = memory.gate else {
      return (input + positions.lowerBound * stride, stride)
    }
    kernels.scale(
      ChannelScale(
        rows: positions.count, channels: stride, x: input + positions.lowerBound * stride,
        xStride: stride, gate: gate + image * stride, out: memory.scratch, outStride: stride))
    return (UnsafePointer(memory.scratch), stride)
  }
}
