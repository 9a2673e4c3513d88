// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// A matrix product with nothing added: C[M, N] = A[M, K] × B[K, N] for one packed block of columns
/// as in `MatrixProduct`.
///
/// Winograd's products are as shallow as the map has channels, so that bias, bounds and residual of
/// values that need none would cost 5 to 10 %.
@frozen
public struct PlainProduct {
  /// M.
  public var rows: Int
  /// K.
  public var depth: Int
  /// A, and the distance between its rows.
  public var a: UnsafePointer<Float>
  public var aStride: Int
  /// The column block's K × width floats.
  public var b: UnsafePointer<Float>
  /// C, and the distance between its rows.
  public var c: UnsafeMutablePointer<Float>
  public var cStride: Int

  @inlinable
  public init(
    rows: Int, depth: Int, a: UnsafePointer<Float>, aStride: Int, b: UnsafePointer<Float>,
    c: UnsafeMutablePointer<Float>, cStride: Int
  ) {
    self.rows = rows
    self.depth = depth
    self.a = a
    self.aStride = aStride
    self.b = b
    self.c = c
    self.cStride = cStride
  }
}

/// A row that can be stored as it is.
public protocol PlainRow: TileRow {
  func store(_ c: UnsafeMutablePointer<Float>)
}

/// A tile that can be stored as it is.
public protocol PlainTile: RegisterTile where Row: PlainRow {
  func store(_ c: UnsafeMutablePointer<Float>, stride: Int)
}

extension OneVector: PlainRow {
  @inlinable @inline(__always)
  public func store(_ c: UnsafeMutablePointer<Float>) { L.store(vector, c) }
}

extension Beside: PlainRow where Left: PlainRow, Right: PlainRow {
  @inlinable @inline(__always)
  public func store(_ c: UnsafeMutablePointer<Float>) {
    left.store(c)
    right.store(c + Left.width)
  }
}

extension OneRow: PlainTile where Row: PlainRow {
  @inlinable @inline(__always)
  public func store(_ c: UnsafeMutablePointer<Float>, stride: Int) { row.store(c) }
}

extension FourRows: PlainTile where Row: PlainRow {
  @inlinable @inline(__always)
  public func store(_ c: UnsafeMutablePointer<Float>, stride: Int) {
    row0.store(c)
    row1.store(c + stride)
    row2.store(c + 2 * stride)
    row3.store(c + 3 * stride)
  }
}

extension Above: PlainTile where Top: PlainTile, Bottom: PlainTile {
  @inlinable @inline(__always)
  public func store(_ c: UnsafeMutablePointer<Float>, stride: Int) {
    top.store(c, stride: stride)
    bottom.store(c + Top.rows * stride, stride: stride)
  }
}

@inlinable @inline(__always)
func multiplyPlainTile<T: PlainTile>(_: T.Type, _ p: PlainProduct, row: Int) {
  var tile = T()
  var a = p.a + row * p.aStride
  var b = p.b
  for _ in 0..<p.depth {
    tile.accumulate(a, stride: p.aStride, T.Row.load(b))
    a += 1
    b += T.Row.width
  }
  tile.store(p.c + row * p.cStride, stride: p.cStride)
}

/// The product for one block of columns as wide as `Row`; see `multiplyColumns`.
@inlinable @inline(__always)
public func multiplyPlainColumns<Row: PlainRow>(
  _: Row.Type, maximumRows: Int, _ p: PlainProduct
) {
  let tiles = (p.rows + maximumRows - 1) / maximumRows
  var tile = 0
  var row = 0
  while row < p.rows {
    let rows = p.rows / tiles + (tile < p.rows % tiles ? 1 : 0)
    tile += 1
    switch rows {
    case 2: multiplyPlainTile(TwoRows<Row>.self, p, row: row)
    case 3: multiplyPlainTile(ThreeRows<Row>.self, p, row: row)
    case 4: multiplyPlainTile(FourRows<Row>.self, p, row: row)
    case 5: multiplyPlainTile(FiveRows<Row>.self, p, row: row)
    case 6: multiplyPlainTile(SixRows<Row>.self, p, row: row)
    case 7 where maximumRows > 6: multiplyPlainTile(SevenRows<Row>.self, p, row: row)
    case 8 where maximumRows > 6: multiplyPlainTile(EightRows<Row>.self, p, row: row)
    default: multiplyPlainTile(OneRow<Row>.self, p, row: row)
    }
    row += rows
  }
}
