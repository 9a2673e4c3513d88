import Kernels

/// The gradient of a full convolution's or a linear layer's weights: dW = Σ gradientᵀ · input.
///
/// Both maps are read in place. Under one row of the kernel the values are one run of floats, and the
/// next output position's run begins `stride` positions further on; where the kernel extends over the
/// left or right edge, the run is shorter. So there is a product for each kernel row, and one for each
/// column at an edge.
package struct ConvolutionWeightGradient: TiledWeightGradient {
  typealias Tile = WeightGradientTiling.Tile

  let tiling: WeightGradientTiling
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  /// Output columns with the kernel inside the image.
  private let inner: Range<Int>
  /// Strips of output rows in an image.
  private let strips: Int

  package init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    let geometry = layer.geometry
    self.geometry = geometry
    self.kernels = kernels
    inner = geometry.innerColumns
    // The operands of 128 rows, about 192 columns and a panel of positions fit in the L2 cache.
    tiling = WeightGradientTiling(geometry, rows: 128, columns: 192, kernels: kernels)
    let stripRows = max(1, 256 / geometry.outputWidth)
    strips = (geometry.outputHeight + stripRows - 1) / stripRows
  }

  /// Positions of a 1×1 convolution that are multiplied at a time, so that a block of columns stays in
  /// the L1 cache.
  private static let panelRows = 128

  private var layout: WeightGradientLayout { tiling.layout }

  package var scratchCount: Int { 0 }

  func partLimit(batch: Int) -> Int { batch * strips }

  package func runWhole(batch: Int, _ memory: WeightGradientMemory) {
    for tile in tiling.tiles {
      run(tile, part: 0, of: 1, batch: batch, memory, into: memory.partials)
    }
  }

  func run(
    _ tile: Tile, part: Int, of parts: Int, batch: Int, _ memory: WeightGradientMemory,
    into c: UnsafeMutablePointer<Float>
  ) {
    if geometry.isPointwise {
      let rows = evenRange(part, of: parts, total: batch * geometry.outputPositions)
      multiply(tile, rows, memory, into: c)
    } else {
      clear(tile, c)
      for strip in evenRange(part, of: parts, total: batch * strips) {
        let rows = evenRange(strip % strips, of: strips, total: geometry.outputHeight)
        var image = memory
        image.input += strip / strips * geometry.inputCount
        image.outputGradient += strip / strips * geometry.outputCount
        add(tile, rows.clamped(to: geometry.outputRows(under: tile.kernelRow)), image, to: c)
      }
    }
  }

  /// Positions of a 1×1 convolution, which follow one another from image to image.
  private func multiply(
    _ tile: Tile, _ rows: Range<Int>, _ memory: WeightGradientMemory,
    into c: UnsafeMutablePointer<Float>
  ) {
    let panels = max(1, rows.count / Self.panelRows)
    for panel in 0..<panels {
      let part = evenRange(panel, of: panels, total: rows.count)
      let first = rows.lowerBound + part.lowerBound
      multiply(
        tile, inputs: 0..<geometry.inputStride,
        WeightGradientRows(
          m: part.count, input: memory.input + first * geometry.inputStride,
          inputStride: geometry.inputStride,
          gradient: memory.outputGradient + first * geometry.outputStride,
          gradientStride: geometry.outputStride,
          inputAhead: part.count * geometry.inputStride,
          gradientAhead: part.count * geometry.outputStride),
        accumulates: panel > 0, c)
    }
  }

  private func clear(_ tile: Tile, _ c: UnsafeMutablePointer<Float>) {
    let columns = tiling.columns(tile.blocks)
    for row in tile.rows {
      (c + layout.offset(kernelRow: tile.kernelRow, row: row) + columns.lowerBound)
        .update(repeating: 0, count: columns.count)
    }
  }

  /// Adds the products of some output rows of one image, all with the kernel row inside the image.
  private func add(
    _ tile: Tile, _ rows: Range<Int>, _ memory: WeightGradientMemory,
    to c: UnsafeMutablePointer<Float>
  ) {
    guard !rows.isEmpty else { return }
    let g = geometry
    let line = rows.lowerBound * g.stride - g.paddingTop + tile.kernelRow
    let start = memory.input + (line * g.inputWidth - g.paddingLeft) * g.inputStride
    let gradient = memory.outputGradient + rows.lowerBound * g.outputWidth * g.outputStride
    let inputRow = g.stride * g.inputWidth * g.inputStride
    let gradientRow = g.outputWidth * g.outputStride
    let step = g.stride * g.inputStride
    if !inner.isEmpty {
      multiply(
        tile, inputs: 0..<layout.run,
        WeightGradientRows(
          m: inner.count, input: start + inner.lowerBound * step, inputStride: step,
          gradient: gradient + inner.lowerBound * g.outputStride, gradientStride: g.outputStride,
          segments: rows.count, inputSegment: inputRow, gradientSegment: gradientRow,
          inputAhead: rows.count * inputRow, gradientAhead: rows.count * gradientRow),
        accumulates: true, c)
    }
    for column in 0..<g.outputWidth where !inner.contains(column) {
      let left = column * g.stride - g.paddingLeft
      let taps = max(0, -left)..<max(0, -left, min(g.kernel, g.inputWidth - left))
      multiply(
        tile, inputs: taps.lowerBound * g.inputStride..<taps.upperBound * g.inputStride,
        WeightGradientRows(
          m: rows.count, input: start + column * step, inputStride: inputRow,
          gradient: gradient + column * g.outputStride, gradientStride: gradientRow),
        accumulates: true, c)
    }
  }

  /// Multiplies rows of both maps for a part of the values under a kernel row.
  private func multiply(
    _ tile: Tile, inputs: Range<Int>, _ rows: WeightGradientRows, accumulates: Bool,
    _ c: UnsafeMutablePointer<Float>
  ) {
    let sumRows = layout.isByOutput ? tile.rows : tile.rows.clamped(to: inputs)
    guard !sumRows.isEmpty else { return }
    for (pass, index) in tile.blocks.enumerated() {
      let block = tiling.blocks[index]
      let columns = layout.isByOutput ? block.clamped(to: inputs) : block
      guard !columns.isEmpty else { continue }
      let target =
        c + layout.offset(kernelRow: tile.kernelRow, row: sumRows.lowerBound) + columns.lowerBound
      let product =
        layout.isByOutput
        ? WeightGradientBlock(
          m: rows.m, segments: rows.segments, k: sumRows.count, n: columns.count,
          a: rows.gradient + sumRows.lowerBound, lda: rows.gradientStride,
          segmentStrideA: rows.gradientSegment, b: rows.input + columns.lowerBound,
          ldb: rows.inputStride, segmentStrideB: rows.inputSegment,
          aheadA: pass == 0 ? rows.gradientAhead : 0, aheadB: rows.inputAhead, c: target,
          ldc: layout.ldc, accumulates: accumulates)
        : WeightGradientBlock(
          m: rows.m, segments: rows.segments, k: sumRows.count, n: columns.count,
          a: rows.input + sumRows.lowerBound, lda: rows.inputStride,
          segmentStrideA: rows.inputSegment, b: rows.gradient + columns.lowerBound,
          ldb: rows.gradientStride, segmentStrideB: rows.gradientSegment,
          aheadA: pass == 0 ? rows.inputAhead : 0, aheadB: rows.gradientAhead, c: target,
          ldc: layout.ldc, accumulates: accumulates)
      kernels.training.weightGradient(product)
    }
  }
}

/// Positions of the input and of the output's gradient that are multiplied with each other.
private struct WeightGradientRows {
  /// Positions in a segment.
  var m: Int
  /// The first position's values under the kernel row; floats between positions.
  var input: UnsafePointer<Float>
  var inputStride: Int
  var gradient: UnsafePointer<Float>
  var gradientStride: Int
  var segments = 1
  var inputSegment = 0
  var gradientSegment = 0
  /// The distance of the positions that are multiplied next, or 0.
  var inputAhead = 0
  var gradientAhead = 0
}
