// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// The operations that a product applies to a tile while storing it.
public protocol TileEpilogue {
  /// The epilogue advanced by some rows and columns.
  func moved(rows: Int, columns: Int) -> Self
  /// The vector to store for the vector `sum` of the product.
  func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector
}

/// The operations that a GEMM applies to a tile while and right after storing it.
public protocol GEMMEpilogue: TileEpilogue {
  /// The epilogue at the first row and column of `block`.
  init(_ block: GEMMBlock)
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
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width))
  }
}

/// Turns integer sums into floats, then does the same, for int8.
@frozen
public struct DequantizeEpilogue: GEMMEpilogue {
  @usableFromInline var clamp: ClampEpilogue
  @usableFromInline var quantization: Quantization

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    clamp = ClampEpilogue(block)
    quantization = block.quantization ?? .zeros
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.clamp = clamp.moved(rows: rows, columns: columns)
    moved.quantization = quantization.moved(rows: rows, columns: columns)
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    let biased = quantization.dequantize(sum, bias: L.load(clamp.bias), L.self)
    return clamp.finish(biased, L.self)
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width))
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

  @inlinable @inline(__always)
  init(_ block: GEMMBlock, _ rows: Range<Int>, _ width: Int) {
    self.block = block
    self.rows = rows
    self.width = width
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
        let value = F.apply(L.load(c + column), L.self)
        L.store(L.add(value, L.load(residual + column)), c + column)
        column += L.count
      }
      // Widths are multiples of 8, so the remainder after vectors of 16 is one vector of 8.
      if L.count > 8 && column < width {
        let value = F.apply(L.Half.load(c + column), L.Half.self)
        L.Half.store(L.Half.add(value, L.Half.load(residual + column)), c + column)
      }
    }
  }
}
