import CLanes
import Kernels

/// Takes sums that tiles stored through bias, nonlinearity and residual, a few rows at a time.
struct TileEpilogue<S: SumConversion, F: NonlinearityFunction> {
  private let block: GEMMBlock
  private let sums: S
  /// Zeros and a stride of 0 where nothing is added, so that the store has no branch.
  private let residual: UnsafePointer<Float>
  private let ldResidual: Int
  private let rowsPerStep: Int
  /// Rows that have been stored and not yet finished.
  private var rows = 0..<0

  @inline(__always)
  init(_ block: GEMMBlock, rowsPerStep: Int) {
    self.block = block
    self.rowsPerStep = rowsPerStep
    sums = S(block)
    residual = block.residual ?? clanes_zeros()
    ldResidual = block.residual == nil ? 0 : block.ldResidual
  }

  /// Starts with rows that tiles have stored.
  @inline(__always)
  mutating func begin(_ rows: Range<Int>) { self.rows = rows }

  /// Finishes as many rows as there are for each step of a product.
  @inline(__always)
  mutating func advance() { finish(min(rowsPerStep, rows.count)) }

  /// Finishes all rows.
  @inline(__always)
  mutating func finish() { finish(rows.count) }

  @inline(__always)
  private mutating func finish(_ count: Int) {
    let end = rows.lowerBound &+ count
    for row in rows.lowerBound..<end {
      var column = 0
      while column + Lanes16.count <= block.n {
        finish(row, column, Lanes16.self)
        column += Lanes16.count
      }
      if column < block.n { finish(row, column, Lanes16.Half.self) }
    }
    rows = end..<rows.upperBound
  }

  @inline(__always)
  private func finish<L: Lanes>(_ row: Int, _ column: Int, _: L.Type) {
    let place = block.c + row * block.ldc + column
    let value = sums.moved(rows: row, columns: column).convert(L.load(place), L.self)
    let added = L.load(residual + row * ldResidual + column)
    L.store(L.add(F.apply(value, L.self), added), place)
  }
}
