// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// C[M, N] = nonlinearity(A[M, K] × B[K, N] + bias[N]) + residual[M, N], row-major, for one block of
/// B's columns.
///
/// Along K, A and B are counted in 32-bit words of one float, two bf16, two 16-bit or four 8-bit integers. B is
/// packed block after block: n columns are K × n words, row after row; a word holds consecutive
/// values of one column. n is a multiple of 8 and at most the kernel's `nr`.
///
/// A row of A consists of `segments` runs of `k` consecutive words, so K = segments · k. A 1×1
/// convolution has one run; a 3×3 convolution reads three rows of its feature map in place, with
/// one run of three neighbouring positions from each: an implicit im2col.
@frozen
public struct GEMMBlock {
  public var m: Int
  public var n: Int
  /// Words in a run.
  public var k: Int
  /// Runs in a row of A, and the distance between their starts.
  public var segments: Int
  public var segmentStride: Int
  public var a: UnsafePointer<Float>
  public var lda: Int
  /// K × n words.
  public var b: UnsafePointer<Float>
  /// C, at the block's first column.
  public var c: UnsafeMutablePointer<Float>
  public var ldc: Int
  /// n floats, or nil for zeros.
  public var bias: UnsafePointer<Float>?
  /// Added after the nonlinearity, at the block's first column; may be nil.
  public var residual: UnsafePointer<Float>?
  public var ldResidual: Int
  public var nonlinearity: Nonlinearity
  /// What the integers of a quantized product stand for.
  public var quantization: Quantization?
  /// What to fetch into the L2 cache meanwhile, usually the next block of B; nil by default.
  ///
  /// Each tile fetches k cache lines, one with each outer product, until as much as B has been fetched.
  public var ahead: UnsafePointer<Float>?
  /// Tiles whose lines have been fetched before.
  public var fetchedTiles = 0

  /// A block with an epilogue; with the defaults, the plain product A × B.
  @inlinable
  public init(
    m: Int, n: Int, k: Int, segments: Int = 1, segmentStride: Int = 0, a: UnsafePointer<Float>,
    lda: Int, b: UnsafePointer<Float>, c: UnsafeMutablePointer<Float>, ldc: Int,
    bias: UnsafePointer<Float>? = nil, residual: UnsafePointer<Float>? = nil, ldResidual: Int = 0,
    nonlinearity: Nonlinearity = .identity, quantization: Quantization? = nil
  ) {
    self.m = m
    self.n = n
    self.k = k
    self.segments = segments
    self.segmentStride = segmentStride
    self.a = a
    self.lda = lda
    self.b = b
    self.c = c
    self.ldc = ldc
    self.bias = bias
    self.residual = residual
    self.ldResidual = ldResidual
    self.nonlinearity = nonlinearity
    self.quantization = quantization
  }

  /// Whether C is just A × B.
  @inlinable @inline(__always)
  public var isPlain: Bool { bias == nil && residual == nil && nonlinearity == .identity }
}

/// The numbers behind a product of integers: A[r, k] = offset[r] + step[r] · q and B[k, n] = step[n] · v.
@frozen
public struct Quantization {
  /// Step and offset of each row of A.
  public var rows: UnsafePointer<Float>
  /// The step of each column of B, at the block's first column.
  public var steps: UnsafePointer<Float>
  /// step · Σ v of each column of B, at the block's first column.
  public var sums: UnsafePointer<Float>

  @inlinable
  public init(
    rows: UnsafePointer<Float>, steps: UnsafePointer<Float>, sums: UnsafePointer<Float>
  ) {
    self.rows = rows
    self.steps = steps
    self.sums = sums
  }

  /// Where nothing is quantized, so that the epilogue has no branch.
  @inlinable @inline(__always)
  public static var zeros: Quantization {
    Quantization(rows: clanes_zeros(), steps: clanes_zeros(), sums: clanes_zeros())
  }

  /// The quantization advanced by some rows and columns.
  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Quantization {
    Quantization(rows: self.rows + 2 * rows, steps: steps + columns, sums: sums + columns)
  }

  /// The integers `sum` of the first row, times its step.
  @inlinable @inline(__always)
  public func scale<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    L.multiply(L.fromIntegers(sum), L.splat(rows[0]))
  }

  /// The product, plus the bias, that the integers `sum` at the first row and column stand for.
  ///
  /// Σ (offset + step[r] · q) · step[n] · v = step[r] · step[n] · Σ q·v + offset · step[n] · Σ v: exact
  /// but for the roundings here.
  @inlinable @inline(__always)
  public func dequantize<L: Lanes>(_ sum: L.Vector, bias: L.Vector, _: L.Type) -> L.Vector {
    let shift = L.multiplyAdd(L.splat(rows[1]), L.load(sums), bias)
    return L.multiplyAdd(scale(sum, L.self), L.load(steps), shift)
  }
}

/// The cache lines that a tile fetches, one with each outer product.
@frozen
@usableFromInline
struct TileFetch {
  @usableFromInline let start: UnsafePointer<Float>
  /// 0 for a tile that has nothing to fetch: it touches the start of B again and again.
  @usableFromInline let step: Int

  @inlinable @inline(__always)
  init(_ block: GEMMBlock, tile: Int, width: Int) {
    let line = block.fetchedTiles + tile
    if let ahead = block.ahead, line < (width + 15) / 16 {
      (start, step) = (ahead + 16 * line * block.k, 16)
    } else {
      (start, step) = (block.b, 0)
    }
  }
}

/// One register tile: K outer products, one store.
@inlinable @inline(__always)
func multiplyTile<T: RegisterTile, E: GEMMEpilogue>(
  _: T.Type, _ block: GEMMBlock, row: Int, _ epilogue: E, _ fetch: TileFetch
) {
  var tile = T()
  var segment = block.a + row * block.lda
  var b = block.b
  var ahead = fetch.start
  for _ in 0..<block.segments {
    var a = segment
    for _ in 0..<block.k {
      clanes_prefetch(ahead)
      ahead += fetch.step
      tile.accumulate(a, lda: block.lda, T.Row.load(b))
      a += 1
      b += T.Row.width
    }
    segment += block.segmentStride
  }
  tile.store(
    block.c + row * block.ldc, ldc: block.ldc, epilogue.moved(rows: row, columns: 0))
}

/// A block as wide as `Row`, in tiles of at most `mr` rows: 6, 8 or 16.
///
/// Rows are distributed evenly, so that no tile has only one or two.
@inlinable @inline(__always)
public func multiplyTiles<Row: TileRow, E: GEMMEpilogue, L: Lanes>(
  _ block: GEMMBlock, _: Row.Type, mr: Int, _: E.Type, _: L.Type
) {
  let epilogue = E(block)
  let tiles = (block.m + mr - 1) / mr
  var tile = 0
  var row = 0
  while row < block.m {
    let rows = block.m / tiles + (tile < block.m % tiles ? 1 : 0)
    let fetch = TileFetch(block, tile: tile, width: Row.width)
    tile += 1
    switch rows {
    case 2: multiplyTile(TwoRows<Row>.self, block, row: row, epilogue, fetch)
    case 3: multiplyTile(ThreeRows<Row>.self, block, row: row, epilogue, fetch)
    case 4: multiplyTile(FourRows<Row>.self, block, row: row, epilogue, fetch)
    case 5: multiplyTile(FiveRows<Row>.self, block, row: row, epilogue, fetch)
    case 6: multiplyTile(SixRows<Row>.self, block, row: row, epilogue, fetch)
    case 7 where mr > 6: multiplyTile(SevenRows<Row>.self, block, row: row, epilogue, fetch)
    case 8 where mr > 6: multiplyTile(EightRows<Row>.self, block, row: row, epilogue, fetch)
    case 9 where mr > 8: multiplyTile(Tall<OneRow<Row>>.self, block, row: row, epilogue, fetch)
    case 10 where mr > 8: multiplyTile(Tall<TwoRows<Row>>.self, block, row: row, epilogue, fetch)
    case 11 where mr > 8: multiplyTile(Tall<ThreeRows<Row>>.self, block, row: row, epilogue, fetch)
    case 12 where mr > 8: multiplyTile(Tall<FourRows<Row>>.self, block, row: row, epilogue, fetch)
    case 13 where mr > 8: multiplyTile(Tall<FiveRows<Row>>.self, block, row: row, epilogue, fetch)
    case 14 where mr > 8: multiplyTile(Tall<SixRows<Row>>.self, block, row: row, epilogue, fetch)
    case 15 where mr > 8: multiplyTile(Tall<SevenRows<Row>>.self, block, row: row, epilogue, fetch)
    case 16 where mr > 8: multiplyTile(Tall<EightRows<Row>>.self, block, row: row, epilogue, fetch)
    default: multiplyTile(OneRow<Row>.self, block, row: row, epilogue, fetch)
    }
    epilogue.revisit(block, rows: row..<row + rows, width: Row.width, L.self)
    row += rows
  }
}
