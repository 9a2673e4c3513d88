// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// C[K, N] = Σₘ A[m, K] · B[m, N], or C plus that, for one block of columns: a product with the first
/// matrix transposed, where both lie row-major in memory.
///
/// For a layer's weights, A is the gradient of the output, B the input, and m runs over positions.
/// Rows come in segments of `m`: under one row of a convolution's kernel, the output positions of an
/// image row are a segment, and the values under the kernel are consecutive. So no layer needs im2col.
@frozen
public struct WeightGradientBlock {
  /// Rows of A and B in a segment.
  public var m: Int
  public var segments: Int
  /// Columns of A, rows of C.
  public var k: Int
  /// Columns of B and C: a multiple of 8, at most the GEMM kernel's `nr`.
  public var n: Int
  public var a: UnsafePointer<Float>
  /// Floats between rows of A, and between the starts of its segments.
  public var lda: Int
  public var segmentStrideA: Int
  public var b: UnsafePointer<Float>
  public var ldb: Int
  public var segmentStrideB: Int
  /// The distance in A and B of what is multiplied next, or 0.
  ///
  /// It is fetched into the L2 cache meanwhile, since processors foresee reads only where rows follow
  /// one another.
  public var aheadA: Int
  public var aheadB: Int
  public var c: UnsafeMutablePointer<Float>
  public var ldc: Int
  /// Whether the product is added to C.
  public var accumulates: Bool

  @inlinable
  public init(
    m: Int, segments: Int = 1, k: Int, n: Int, a: UnsafePointer<Float>, lda: Int,
    segmentStrideA: Int = 0, b: UnsafePointer<Float>, ldb: Int, segmentStrideB: Int = 0,
    aheadA: Int = 0, aheadB: Int = 0, c: UnsafeMutablePointer<Float>, ldc: Int, accumulates: Bool
  ) {
    self.m = m
    self.segments = segments
    self.k = k
    self.n = n
    self.a = a
    self.lda = lda
    self.segmentStrideA = segmentStrideA
    self.b = b
    self.ldb = ldb
    self.segmentStrideB = segmentStrideB
    self.aheadA = aheadA
    self.aheadB = aheadB
    self.c = c
    self.ldc = ldc
    self.accumulates = accumulates
  }
}

/// How a precision multiplies with the first matrix transposed.
public struct WeightGradientKernel: Sendable {
  /// Converts rows.
  public let convert: @Sendable (PositionPairs) -> Void
  /// Computes one block; `m`, `lda` and `ldb` count words.
  public let run: @Sendable (WeightGradientBlock) -> Void

  public init(
    convert: @escaping @Sendable (PositionPairs) -> Void,
    run: @escaping @Sendable (WeightGradientBlock) -> Void
  ) {
    (self.convert, self.run) = (convert, run)
  }
}

/// out = words of two values of bf16, each channel's in two rows of x; an odd last row is paired with
/// zeros.
@frozen
public struct PositionPairs: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var out: UnsafeMutablePointer<Float>
  /// Words between pairs.
  public var outStride: Int

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int,
    out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.out = out
    self.outStride = outStride
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    var x = x + channel
    var out = out + channel
    for _ in 0..<rows / 2 {
      L.store(L.pairBF16(L.load(x), L.load(x + xStride)), out)
      x += 2 * xStride
      out += outStride
    }
    if rows % 2 == 1 { L.store(L.pairBF16(L.load(x), L.splat(0)), out) }
  }
}

/// Adds what C held before.
@frozen
@usableFromInline
struct AddEpilogue: TileEpilogue {
  @usableFromInline var addend: UnsafePointer<Float>
  @usableFromInline var stride: Int

  /// Zeros and a stride of 0 where nothing is added, so that the store has no branch.
  @inlinable @inline(__always)
  init(_ block: WeightGradientBlock) {
    addend = block.accumulates ? UnsafePointer(block.c) : clanes_zeros()
    stride = block.accumulates ? block.ldc : 0
  }

  @inlinable @inline(__always)
  func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.addend += rows * stride + columns
    return moved
  }

  @inlinable @inline(__always)
  func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector { L.add(L.load(addend), sum) }
}

/// One register tile of C: an outer product for each row of A and B, one store.
@inlinable @inline(__always)
func accumulateTile<T: RegisterTile>(
  _: T.Type, _ block: WeightGradientBlock, row: Int, _ epilogue: AddEpilogue
) {
  var tile = T()
  var segmentA = block.a + row
  var segmentB = block.b
  // The first tiles of at least six rows fetch one cache line of each row of B after the other.
  let aheadB = block.aheadB + min(row * 2, block.n - 8)
  for _ in 0..<block.segments {
    var a = segmentA
    var b = segmentB
    for _ in 0..<block.m {
      clanes_prefetch(a + block.aheadA)
      clanes_prefetch(b + aheadB)
      tile.accumulate(a, lda: 1, T.Row.load(b))
      a += block.lda
      b += block.ldb
    }
    segmentA += block.segmentStrideA
    segmentB += block.segmentStrideB
  }
  tile.store(
    block.c + row * block.ldc, ldc: block.ldc, epilogue.moved(rows: row, columns: 0))
}

/// A block as wide as `Row`, in tiles of at most `mr` rows of C, 6 or 8.
///
/// Rows are distributed evenly, so that no tile has only one or two.
@inlinable @inline(__always)
public func accumulateTiles<Row: TileRow>(_ block: WeightGradientBlock, _: Row.Type, mr: Int) {
  let epilogue = AddEpilogue(block)
  let tiles = (block.k + mr - 1) / mr
  var tile = 0
  var row = 0
  while row < block.k {
    let rows = block.k / tiles + (tile < block.k % tiles ? 1 : 0)
    tile += 1
    switch rows {
    case 2: accumulateTile(TwoRows<Row>.self, block, row: row, epilogue)
    case 3: accumulateTile(ThreeRows<Row>.self, block, row: row, epilogue)
    case 4: accumulateTile(FourRows<Row>.self, block, row: row, epilogue)
    case 5: accumulateTile(FiveRows<Row>.self, block, row: row, epilogue)
    case 6: accumulateTile(SixRows<Row>.self, block, row: row, epilogue)
    case 7 where mr > 6: accumulateTile(SevenRows<Row>.self, block, row: row, epilogue)
    case 8 where mr > 6: accumulateTile(EightRows<Row>.self, block, row: row, epilogue)
    default: accumulateTile(OneRow<Row>.self, block, row: row, epilogue)
    }
    row += rows
  }
}
