import Kernels

/// The gradient of a 1×1 convolution's or a linear layer's weights with products of bf16 and sums of f32.
///
/// Both maps are rounded a panel of positions at a time: a word holds a channel's values at two positions.
struct BF16WeightGradient: WeightGradient {
  private let geometry: ConvolutionGeometry
  private let kernel: WeightGradientKernel
  private let layout: WeightGradientLayout
  /// The sums' column blocks, and the parts of the sums that one task computes.
  private let blocks: ColumnBlocks
  private let tiles: [Tile]

  /// Sums that one task computes.
  private struct Tile {
    var rows: Range<Int>
    /// Blocks of columns.
    var blocks: Range<Int>
  }

  /// Positions that are rounded at a time; their words stay in the L2 cache.
  private static let panelRows = 256

  /// `nil` for other convolutions, and for layers so narrow that rounding outweighs what the products
  /// gain.
  init?(_ layer: ConvolutionLayer, kernels: KernelTable) {
    let geometry = layer.geometry
    let (inputs, outputs) = (geometry.inputStride, geometry.outputStride)
    guard
      layer.kind != .depthwise && geometry.isPointwise && inputs % 8 == 0
        && inputs * outputs >= 16 * (inputs + outputs)
    else { return nil }
    self.geometry = geometry
    kernel = kernels.training.bf16WeightGradient
    let layout = WeightGradientLayout(geometry)
    self.layout = layout
    let blocks = ColumnBlocks(layout.columns, widest: kernels.gemm.nr, lanes: kernels.lanes)
    self.blocks = blocks
    // Wide tiles, because each task rounds what it reads.
    let down = (layout.rows + 255) / 256
    let across = min(blocks.count, max(1, layout.columns / 384))
    tiles = (0..<down).flatMap { index in
      let rows = evenRange(index, of: down, total: layout.rows)
      return (0..<across).map {
        Tile(rows: rows, blocks: evenRange($0, of: across, total: blocks.count))
      }
    }
  }

  /// The maps whose channels are the sums' rows and columns: floats between positions.
  private var strides: (rows: Int, columns: Int) {
    layout.isByOutput
      ? (geometry.outputStride, geometry.inputStride)
      : (geometry.inputStride, geometry.outputStride)
  }

  var scratchCount: Int { Self.panelRows / 2 * (strides.rows + strides.columns) }

  var sumCount: Int { layout.count }

  /// Parts of the batch with their own sums, as for f32.
  func partCount(batch: Int) -> Int {
    let wanted = (16 + tiles.count - 1) / tiles.count
    let positions = batch * geometry.outputPositions
    return max(1, min(wanted, positions / 512, max(1, (1 << 19) / layout.count)))
  }

  func taskCount(batch: Int) -> Int { partCount(batch: batch) * tiles.count }

  func run(task: Int, batch: Int, _ memory: WeightGradientMemory) {
    let parts = partCount(batch: batch)
    let positions = evenRange(task % parts, of: parts, total: batch * geometry.outputPositions)
    multiply(
      tiles[task / parts...task / parts], positions, memory,
      into: memory.partials + task % parts * layout.count)
  }

  func runWhole(batch: Int, _ memory: WeightGradientMemory) {
    multiply(tiles[...], 0..<batch * geometry.outputPositions, memory, into: memory.partials)
  }

  /// The sums of adjacent tiles: one, or all.
  private func multiply(
    _ tiles: ArraySlice<Tile>, _ positions: Range<Int>, _ memory: WeightGradientMemory,
    into c: UnsafeMutablePointer<Float>
  ) {
    guard let first = tiles.first, let last = tiles.last else { return }
    let rows = first.rows.lowerBound..<last.rows.upperBound
    let columns =
      blocks[first.blocks.lowerBound].lowerBound..<blocks[last.blocks.upperBound - 1].upperBound
    let (a, b) = (memory.scratch, memory.scratch + Self.panelRows / 2 * strides.rows)
    let panels = (positions.count + Self.panelRows - 1) / Self.panelRows
    for panel in 0..<panels {
      let part = evenRange(panel, of: panels, total: positions.count)
      let start = positions.lowerBound + part.lowerBound
      let (gradient, input) = (memory.outputGradient, memory.input)
      round(
        layout.isByOutput ? gradient : input, start, part.count, rows, strides.rows, into: a)
      round(
        layout.isByOutput ? input : gradient, start, part.count, columns, strides.columns, into: b)
      for tile in tiles {
        for block in tile.blocks {
          let columns = blocks[block]
          kernel.run(
            WeightGradientBlock(
              m: (part.count + 1) / 2, k: tile.rows.count, n: columns.count,
              a: a + tile.rows.lowerBound, lda: strides.rows, b: b + columns.lowerBound,
              ldb: strides.columns,
              c: c + layout.offset(kernelRow: 0, row: tile.rows.lowerBound) + columns.lowerBound,
              ldc: layout.ldc, accumulates: panel > 0))
        }
      }
    }
  }

  /// Rounds some channels at some positions of a map.
  private func round(
    _ map: UnsafePointer<Float>, _ start: Int, _ positions: Int, _ channels: Range<Int>,
    _ stride: Int, into words: UnsafeMutablePointer<Float>
  ) {
    let first = channels.lowerBound & ~7
    kernel.convert(
      PositionPairs(
        rows: positions, channels: channelStride(channels.upperBound) - first,
        x: map + start * stride + first, xStride: stride, out: words + first, outStride: stride))
  }

  func reductionCount(parts: Int) -> Int { layout.reductionCount(parts: parts) }

  func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    layout.reduce(task: task, parts: parts, partials: partials, into: gradient)
  }
}
