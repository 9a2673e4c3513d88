import Kernels

/// A weight gradient whose tasks are tiles of the sums, each for a part of the batch.
protocol TiledWeightGradient: WeightGradient {
  var tiling: WeightGradientTiling { get }
  /// The most parts into which the batch can be divided.
  func partLimit(batch: Int) -> Int
  /// Computes a tile of the sums `c` for a part of the batch.
  func run(
    _ tile: WeightGradientTiling.Tile, part: Int, of parts: Int, batch: Int,
    _ memory: WeightGradientMemory, into c: UnsafeMutablePointer<Float>)
}

extension TiledWeightGradient {
  package var sumCount: Int { tiling.layout.count }

  package func partCount(batch: Int) -> Int {
    tiling.partCount(batch: batch, atMost: partLimit(batch: batch))
  }

  package func taskCount(batch: Int) -> Int { partCount(batch: batch) * tiling.tiles.count }

  package func run(task: Int, batch: Int, _ memory: WeightGradientMemory) {
    let parts = partCount(batch: batch)
    let part = task % parts
    run(
      tiling.tiles[task / parts], part: part, of: parts, batch: batch, memory,
      into: memory.partials + part * sumCount)
  }

  package func reductionCount(parts: Int) -> Int { tiling.layout.reductionCount(parts: parts) }

  package func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    tiling.layout.reduce(task: task, parts: parts, partials: partials, into: gradient)
  }
}

/// The tiles into which the sums of a weight gradient are divided.
struct WeightGradientTiling: Sendable {
  /// Sums that one task computes.
  struct Tile {
    /// The row of the kernel.
    let kernelRow: Int
    /// Rows of the sums.
    let rows: Range<Int>
    /// Blocks of their columns.
    let blocks: Range<Int>
  }

  let layout: WeightGradientLayout
  /// The sums' column blocks.
  let blocks: ColumnBlocks
  let tiles: [Tile]
  private let positions: Int

  /// - Parameters:
  ///   - rows: The most rows of a tile.
  ///   - columns: Roughly how many columns a tile has.
  init(_ geometry: ConvolutionGeometry, rows: Int, columns: Int, kernels: KernelTable) {
    let layout = WeightGradientLayout(geometry)
    let blocks = ColumnBlocks(layout.columns, widest: kernels.gemm.nr, lanes: kernels.lanes)
    (self.layout, self.blocks, positions) = (layout, blocks, geometry.outputPositions)
    let down = (layout.rows + rows - 1) / rows
    let across = min(blocks.count, max(1, layout.columns / columns))
    tiles = (0..<geometry.kernel).flatMap { kernelRow in
      (0..<down).flatMap { row in
        (0..<across).map { column in
          Tile(
            kernelRow: kernelRow, rows: evenRange(row, of: down, total: layout.rows),
            blocks: evenRange(column, of: across, total: blocks.count))
        }
      }
    }
  }

  /// Parts of the batch with their own sums: enough for 16 tasks, but at least 512 positions each, and
  /// partial sums that stay in the cache.
  func partCount(batch: Int, atMost limit: Int) -> Int {
    let wanted = (16 + tiles.count - 1) / tiles.count
    return max(1, min(wanted, batch * positions / 512, limit, (1 << 19) / layout.count))
  }

  /// The columns of adjacent blocks.
  func columns(_ range: Range<Int>) -> Range<Int> {
    blocks[range.lowerBound].lowerBound..<blocks[range.upperBound - 1].upperBound
  }
}
