import Host
import InstructionSets
import Kernels

/// The pairs of rows of a matrix whose products are large: all rows times all rows, tile by tile, so
/// that memory stays small beside the matrix.
package struct RowPairs: Sendable {
  /// A matrix with a row for each item, and what the product of two rows must exceed.
  package struct Criterion: Sendable {
    fileprivate let matrix: [Float]
    fileprivate let columns: Int
    fileprivate let bound: Float

    /// - Parameter matrix: [count, columns].
    package init(_ matrix: [Float], columns: Int, above bound: Float) {
      precondition(columns > 0 && matrix.count.isMultiple(of: columns))
      (self.matrix, self.columns, self.bound) = (matrix, columns, bound)
    }

    fileprivate var count: Int { matrix.count / columns }
  }

  private let kernels: KernelTable

  /// Rows on the left of a tile.
  private static let tileRows = 64
  /// Blocks of the kernel's width on the right: a panel of some hundred kilobytes, which stays in the
  /// second-level cache while all rows pass by.
  private static let panelBlocks = 4

  /// - Throws: `ProcessorError` if `CNNZOO_ISA` is wrong.
  package init() throws(ProcessorError) { kernels = try InstructionSet.selected().kernels }

  /// Calls `body` for every pair of different items that meets all criteria; the first is the earlier
  /// one.
  ///
  /// Several threads call it at the same time, in any order; which pairs they are does not depend on
  /// the number of threads.
  package func forEach(
    _ criteria: [Criterion], threads: Int, _ body: (_ first: Int, _ second: Int) -> Void
  ) {
    let count = criteria.first?.count ?? 0
    precondition(criteria.allSatisfy { $0.count == count })
    let width = Self.panelBlocks * kernels.gemm.nr
    let panels = (count + width - 1) / width
    // The first panels meet the most rows, so the last tasks are the shortest.
    WorkerPool(count: max(1, min(threads, panels))).forEach(below: panels) { index in
      let panel = index * width..<min((index + 1) * width, count)
      let factors = criteria.map { Factor($0, panel, kernels) }
      for start in stride(from: panel.lowerBound, to: count, by: Self.tileRows) {
        let tile = start..<min(start + Self.tileRows, count)
        for factor in factors { factor.multiply(tile) }
        for row in tile {
          // Each pair once, and no row with itself.
          Self.forEach(
            of: min(panel.count, row - panel.lowerBound), exceeding: factors, row: row - start
          ) { body(panel.lowerBound + $0, row) }
        }
      }
    }
  }

  /// Calls `body` for each of `count` columns whose products in a row of the tile exceed all bounds.
  private static func forEach(
    of count: Int, exceeding factors: [Factor], row: Int, _ body: (Int) -> Void
  ) {
    let lanes = 16
    for start in stride(from: 0, to: count, by: lanes) {
      var isLarge = SIMDMask<SIMD16<Int32>>(repeating: true)
      for factor in factors {
        isLarge = isLarge .& (factor.products(row, start) .> factor.bound)
      }
      guard any(isLarge) else { continue }
      // Products are padded to whole vectors.
      for lane in 0..<min(lanes, count - start) where isLarge[lane] { body(start + lane) }
    }
  }

  /// A panel of a criterion's rows, packed for the kernel, and its products with a tile of rows.
  private final class Factor {
    let bound: Float
    private let kernels: KernelTable
    private let criterion: Criterion
    private let blocks: ColumnBlocks
    /// Floats between rows of the products.
    private let width: Int
    private let packed: UnsafeMutablePointer<Float>
    private let products: UnsafeMutablePointer<Float>

    init(_ criterion: Criterion, _ panel: Range<Int>, _ kernels: KernelTable) {
      bound = criterion.bound
      self.kernels = kernels
      self.criterion = criterion
      let columns = channelStride(panel.count)
      blocks = ColumnBlocks(columns, widest: kernels.gemm.nr, lanes: kernels.lanes)
      width = (columns + 15) & ~15
      packed = Self.allocate(columns * criterion.columns)
      products = Self.allocate(width * RowPairs.tileRows)
      for block in 0..<blocks.count { pack(panel, columns: blocks[block]) }
    }

    deinit {
      packed.deallocate()
      products.deallocate()
    }

    private static func allocate(_ count: Int) -> UnsafeMutablePointer<Float> {
      let memory = UnsafeMutableRawPointer.allocate(byteCount: 4 * count, alignment: 64)
      return memory.initializeMemory(as: Float.self, repeating: 0, count: count)
    }

    /// Packs some rows of the panel as columns of a block; zeros stay where there are no more.
    private func pack(_ panel: Range<Int>, columns: Range<Int>) {
      let target = packed + criterion.columns * columns.lowerBound
      criterion.matrix.withUnsafeBufferPointer { matrix in
        for column in columns where column < panel.count {
          let row = (panel.lowerBound + column) * criterion.columns
          for index in 0..<criterion.columns {
            target[index * columns.count + column - columns.lowerBound] = matrix[row + index]
          }
        }
      }
    }

    /// Computes the products of the panel with some rows.
    func multiply(_ rows: Range<Int>) {
      criterion.matrix.withUnsafeBufferPointer { matrix in
        guard let base = matrix.baseAddress else { return }
        for block in 0..<blocks.count {
          let columns = blocks[block]
          kernels.gemm.run(
            GEMMBlock(
              m: rows.count, n: columns.count, k: criterion.columns,
              a: base + rows.lowerBound * criterion.columns, lda: criterion.columns,
              b: packed + criterion.columns * columns.lowerBound,
              c: products + columns.lowerBound, ldc: width))
        }
      }
    }

    /// The products of a row of the tile with sixteen rows of the panel.
    func products(_ row: Int, _ column: Int) -> SIMD16<Float> {
      UnsafeRawPointer(products + row * width + column).load(as: SIMD16<Float>.self)
    }
  }
}
