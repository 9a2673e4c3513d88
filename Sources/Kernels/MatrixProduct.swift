// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// One call of the packed matrix product
/// C[M, N] = nonlinearity(A[M, K] × B[K, N] + bias) (+ residual[M, N]), row-major.
///
/// B is packed in blocks of columns: a block of width w is K × w floats, row after row, and starts
/// at K × (its first column). Widths are multiples of 8 that add up to N rounded up to 8; `bias` is
/// padded likewise.
///
/// A row of A is `segments` runs of consecutive floats, K being the sum of their lengths: a 1×1
/// convolution has one, a k×k convolution reads k rows of its feature map where they lie, one run of
/// k neighbouring positions from each (an im2col that is never written).
@frozen
public struct MatrixProduct {
  /// M.
  public var rows: Int
  /// Floats of a row of A that lie side by side: K / segments.
  public var depth: Int
  /// Runs that a row of A falls into, and the distance between their beginnings.
  public var segments: Int
  public var segmentStride: Int
  /// A, and the distance between its rows.
  public var a: UnsafePointer<Float>
  public var aStride: Int
  /// The column block's K × width floats.
  public var b: UnsafePointer<Float>
  /// `width` floats.
  public var bias: UnsafePointer<Float>
  /// C, at the block's first column, and the distance between its rows.
  public var c: UnsafeMutablePointer<Float>
  public var cStride: Int
  /// What is added after the nonlinearity, and the distance between its rows: where there is
  /// nothing to add, `zeros` and 0, so that the store has no branch.
  public var residual: UnsafePointer<Float>
  public var residualStride: Int
  /// At least as many zeros as the block is wide.
  public var zeros: UnsafePointer<Float>
  public var nonlinearity: Nonlinearity

  @inlinable
  public init(
    rows: Int, depth: Int, segments: Int = 1, segmentStride: Int = 0, a: UnsafePointer<Float>,
    aStride: Int, b: UnsafePointer<Float>, bias: UnsafePointer<Float>,
    c: UnsafeMutablePointer<Float>, cStride: Int,
    residual: UnsafePointer<Float>?, residualStride: Int, zeros: UnsafePointer<Float>,
    nonlinearity: Nonlinearity
  ) {
    self.rows = rows
    self.depth = depth
    self.segments = segments
    self.segmentStride = segmentStride
    self.a = a
    self.aStride = aStride
    self.b = b
    self.bias = bias
    self.c = c
    self.cStride = cStride
    self.residual = residual ?? zeros
    self.residualStride = residual == nil ? 0 : residualStride
    self.zeros = zeros
    self.nonlinearity = nonlinearity
  }
}

/// One register tile of the product: K outer products, one store.
@inlinable @inline(__always)
public func multiplyTile<T: RegisterTile>(
  _: T.Type, _ p: MatrixProduct, row: Int, low: Float, high: Float,
  residual: UnsafePointer<Float>, _ step: Int
) {
  var tile = T()
  var segment = p.a + row * p.aStride
  var b = p.b
  for _ in 0..<p.segments {
    var a = segment
    for _ in 0..<p.depth {
      tile.accumulate(a, stride: p.aStride, T.Row.load(b))
      a += 1
      b += T.Row.width
    }
    segment += p.segmentStride
  }
  tile.store(
    p.c + row * p.cStride, stride: p.cStride, bias: p.bias, residual: residual + row * step,
    residualStride: step, low: low, high: high)
}

/// Runs `F` over the tile that was just stored, while it is in the first-level cache, and adds the
/// residual.
@inlinable @inline(__always)
func finishTile<F: NonlinearityFunction, L: Lanes>(
  _: F.Type, _: L.Type, _ p: MatrixProduct, row: Int, rows: Int, width: Int
) {
  for line in row..<row + rows {
    let c = p.c + line * p.cStride
    let residual = p.residual + line * p.residualStride
    var column = 0
    while column + L.count <= width {
      let value = F.apply(L.load(c + column), L.self)
      L.store(L.add(value, L.load(residual + column)), c + column)
      column += L.count
    }
    // Widths are multiples of 8: what is left of a vector of 16 is one vector of 8.
    if L.count > 8 && column < width {
      let value = F.apply(L.Half.load(c + column), L.Half.self)
      L.Half.store(L.Half.add(value, L.Half.load(residual + column)), c + column)
    }
  }
}

/// The product for one block of columns as wide as `Row`, in tiles of at most `maximumRows` rows,
/// 6 or 8.
///
/// Rows are dealt out evenly, so that no tile is left with one or two.
@inlinable @inline(__always)
public func multiplyColumns<Row: TileRow, L: Lanes>(
  _: Row.Type, _: L.Type, maximumRows: Int, _ p: MatrixProduct
) {
  var low = -Float.infinity
  var high = Float.infinity
  var residual = p.residual
  var step = p.residualStride
  switch p.nonlinearity {
  case .identity: break
  case .relu: low = 0
  case .relu6: (low, high) = (0, 6)
  case .hardSwish, .hardSigmoid, .silu, .sigmoid: (residual, step) = (p.zeros, 0)
  }
  let tiles = (p.rows + maximumRows - 1) / maximumRows
  var tile = 0
  var row = 0
  while row < p.rows {
    let rows = p.rows / tiles + (tile < p.rows % tiles ? 1 : 0)
    tile += 1
    switch rows {
    case 2:
      multiplyTile(TwoRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 3:
      multiplyTile(ThreeRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 4:
      multiplyTile(FourRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 5:
      multiplyTile(FiveRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 6:
      multiplyTile(SixRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 7 where maximumRows > 6:
      multiplyTile(SevenRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    case 8 where maximumRows > 6:
      multiplyTile(EightRows<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    default:
      multiplyTile(OneRow<Row>.self, p, row: row, low: low, high: high, residual: residual, step)
    }
    switch p.nonlinearity {
    case .identity, .relu, .relu6: break
    case .silu:
      finishTile(SiLU.self, L.self, p, row: row, rows: rows, width: Row.width)
    case .hardSwish:
      finishTile(HardSwish.self, L.self, p, row: row, rows: rows, width: Row.width)
    case .hardSigmoid:
      finishTile(HardSigmoid.self, L.self, p, row: row, rows: rows, width: Row.width)
    case .sigmoid:
      finishTile(Sigmoid.self, L.self, p, row: row, rows: rows, width: Row.width)
    }
    row += rows
  }
}
