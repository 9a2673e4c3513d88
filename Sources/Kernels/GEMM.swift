// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// C[M, N] = nonlinearity(A[M, K] × B[K, N] + bias[N]) + residual[M, N], row-major, for one block of
/// B's columns.
///
/// Along K, A and B are counted in 32-bit words of one float, two bf16 or four 8-bit integers. B is
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
  /// What the integers of an int8 product stand for.
  public var quantization: Quantization?

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

/// The numbers behind an int8 product: A[r, k] = minimum[r] + step[r] · q and B[k, n] = step[n] · v.
@frozen
public struct Quantization {
  /// Step and minimum of each row of A.
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
}

/// The operations that a GEMM applies to a tile while and right after storing it.
public protocol GEMMEpilogue {
  /// The epilogue at the first row and column of `block`.
  init(_ block: GEMMBlock)
  /// The epilogue advanced by some rows and columns.
  func moved(rows: Int, columns: Int) -> Self
  /// The vector to store for the vector `sum` of the product.
  func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector
  /// Called for rows of `block`, `width` columns wide, right after storing them, while they are in
  /// the L1 cache.
  func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type)
}

/// Stores the product as it is.
///
/// In Winograd's products K is only the number of input channels, so bias, bounds and residual
/// would cost them 5 to 10 %.
@frozen
public struct NoEpilogue: GEMMEpilogue {
  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {}

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self { self }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector { sum }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {}
}

/// Adds the bias, clamps and adds the residual in registers; any other nonlinearity, and the
/// residual after it, takes a second pass over the stored tile.
@frozen
public struct ClampEpilogue: GEMMEpilogue {
  @usableFromInline var bias: UnsafePointer<Float>
  /// Zeros and a stride of 0 where nothing is added, so that the store has no branch.
  @usableFromInline var residual: UnsafePointer<Float>
  @usableFromInline var ldResidual: Int
  @usableFromInline var low: Float
  @usableFromInline var high: Float

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    let zeros = clanes_zeros()
    bias = block.bias ?? zeros
    let clamp = block.nonlinearity.accept(ClampOfFunction())
    (low, high) = clamp ?? (-.infinity, .infinity)
    if clamp != nil, let added = block.residual {
      (residual, ldResidual) = (added, block.ldResidual)
    } else {
      (residual, ldResidual) = (zeros, 0)
    }
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.bias += columns
    moved.residual += rows * ldResidual + columns
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    finish(L.add(sum, L.load(bias)), L.self)
  }

  /// What follows the bias.
  @inlinable @inline(__always)
  func finish<L: Lanes>(_ biased: L.Vector, _: L.Type) -> L.Vector {
    let clamped = L.minimum(L.maximum(biased, L.splat(low)), L.splat(high))
    return L.add(clamped, L.load(residual))
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width, isExact: true))
  }
}

/// The same with approximate activations, for bf16.
@frozen
public struct ApproximateEpilogue: GEMMEpilogue {
  @usableFromInline var clamp: ClampEpilogue

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) { clamp = ClampEpilogue(block) }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.clamp = clamp.moved(rows: rows, columns: columns)
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    clamp.apply(sum, L.self)
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width, isExact: false))
  }
}

/// Turns integer sums into floats, then does the same, for int8.
///
/// Σ (minimum + step[r] · q) · step[n] · v = step[r] · step[n] · Σ q·v + minimum · step[n] · Σ v: exact
/// but for the roundings of the epilogue.
@frozen
public struct DequantizeEpilogue: GEMMEpilogue {
  @usableFromInline var clamp: ClampEpilogue
  @usableFromInline var quantization: Quantization

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    clamp = ClampEpilogue(block)
    let zeros = clanes_zeros()
    quantization = block.quantization ?? Quantization(rows: zeros, steps: zeros, sums: zeros)
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.clamp = clamp.moved(rows: rows, columns: columns)
    moved.quantization.rows += 2 * rows
    moved.quantization.steps += columns
    moved.quantization.sums += columns
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    let q = quantization
    let shift = L.multiplyAdd(L.splat(q.rows[1]), L.load(q.sums), L.load(clamp.bias))
    let scaled = L.multiply(L.fromIntegers(sum), L.splat(q.rows[0]))
    return clamp.finish(L.multiplyAdd(scaled, L.load(q.steps), shift), L.self)
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width, isExact: false))
  }
}

@frozen
@usableFromInline
struct ClampOfFunction: NonlinearityVisitor {
  @inlinable @inline(__always)
  init() {}

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) -> (low: Float, high: Float)? { F.clamp }
}

/// C = F(C) + residual for some rows of a block, unless F is a clamp, which has already been
/// applied.
@frozen
@usableFromInline
struct ActivationPass<L: Lanes>: NonlinearityVisitor {
  @usableFromInline let block: GEMMBlock
  @usableFromInline let rows: Range<Int>
  @usableFromInline let width: Int
  @usableFromInline let isExact: Bool

  @inlinable @inline(__always)
  init(_ block: GEMMBlock, _ rows: Range<Int>, _ width: Int, isExact: Bool) {
    self.block = block
    self.rows = rows
    self.width = width
    self.isExact = isExact
  }

  @inlinable @inline(__always)
  func apply<F: NonlinearityFunction, V: Lanes>(
    _: F.Type, _ x: V.Vector, _: V.Type
  ) -> V.Vector {
    isExact ? F.apply(x, V.self) : F.approximate(x, V.self)
  }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    if F.clamp != nil { return }
    let first = block.residual ?? clanes_zeros()
    let ldResidual = block.residual == nil ? 0 : block.ldResidual
    for row in rows {
      let c = block.c + row * block.ldc
      let residual = first + row * ldResidual
      var column = 0
      while column + L.count <= width {
        let value = apply(F.self, L.load(c + column), L.self)
        L.store(L.add(value, L.load(residual + column)), c + column)
        column += L.count
      }
      // Widths are multiples of 8, so the remainder after vectors of 16 is one vector of 8.
      if L.count > 8 && column < width {
        let value = apply(F.self, L.Half.load(c + column), L.Half.self)
        L.Half.store(L.Half.add(value, L.Half.load(residual + column)), c + column)
      }
    }
  }
}

/// One register tile: K outer products, one store.
@inlinable @inline(__always)
func multiplyTile<T: RegisterTile, E: GEMMEpilogue>(
  _: T.Type, _ block: GEMMBlock, row: Int, _ epilogue: E
) {
  var tile = T()
  var segment = block.a + row * block.lda
  var b = block.b
  for _ in 0..<block.segments {
    var a = segment
    for _ in 0..<block.k {
      tile.accumulate(a, lda: block.lda, T.Row.load(b))
      a += 1
      b += T.Row.width
    }
    segment += block.segmentStride
  }
  tile.store(
    block.c + row * block.ldc, ldc: block.ldc, epilogue.moved(rows: row, columns: 0))
}

/// A block as wide as `Row`, in tiles of at most `mr` rows, 6 or 8.
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
    tile += 1
    switch rows {
    case 2: multiplyTile(TwoRows<Row>.self, block, row: row, epilogue)
    case 3: multiplyTile(ThreeRows<Row>.self, block, row: row, epilogue)
    case 4: multiplyTile(FourRows<Row>.self, block, row: row, epilogue)
    case 5: multiplyTile(FiveRows<Row>.self, block, row: row, epilogue)
    case 6: multiplyTile(SixRows<Row>.self, block, row: row, epilogue)
    case 7 where mr > 6: multiplyTile(SevenRows<Row>.self, block, row: row, epilogue)
    case 8 where mr > 6: multiplyTile(EightRows<Row>.self, block, row: row, epilogue)
    default: multiplyTile(OneRow<Row>.self, block, row: row, epilogue)
    }
    epilogue.revisit(block, rows: row..<row + rows, width: Row.width, L.self)
    row += rows
  }
}
