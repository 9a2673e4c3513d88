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
public struct GeneralEpilogue<S: SumConversion>: GEMMEpilogue {
  @usableFromInline var sums: S
  /// Zeros and a stride of 0 where nothing is added, so that the store has no branch.
  @usableFromInline var residual: UnsafePointer<Float>
  @usableFromInline var ldResidual: Int
  @usableFromInline var bounds: Bounds

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    sums = S(block)
    bounds = Bounds(block.nonlinearity)
    if block.nonlinearity.isClamp, let added = block.residual {
      (residual, ldResidual) = (added, block.ldResidual)
    } else {
      (residual, ldResidual) = (clanes_zeros(), 0)
    }
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.sums = sums.moved(rows: rows, columns: columns)
    moved.residual += rows * ldResidual + columns
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    L.add(bounds.apply(sums.convert(sum, L.self), L.self), L.load(residual))
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {
    block.nonlinearity.accept(ActivationPass<L>(block, rows, width))
  }
}

/// Adds the bias and applies a nonlinearity in registers; there is no residual.
@frozen
public struct ActivationEpilogue<S: SumConversion, A: RegisterActivation>: GEMMEpilogue {
  @usableFromInline var sums: S
  @usableFromInline var activation: A

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    sums = S(block)
    activation = A(block.nonlinearity)
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.sums = sums.moved(rows: rows, columns: columns)
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    activation.apply(sums.convert(sum, L.self), L.self)
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {}
}

/// A nonlinearity that needs few registers beside those of a tile.
public protocol RegisterActivation {
  init(_ nonlinearity: Nonlinearity)
  func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector
}

/// All nonlinearities that only clamp; infinite for others.
@frozen
public struct Bounds: RegisterActivation {
  @usableFromInline let low: Float
  @usableFromInline let high: Float

  @inlinable @inline(__always)
  public init(_ nonlinearity: Nonlinearity) {
    (low, high) = nonlinearity.accept(ClampOfFunction()) ?? (-.infinity, .infinity)
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector {
    L.minimum(L.maximum(x, L.splat(low)), L.splat(high))
  }
}

/// One nonlinearity.
@frozen
public struct Applied<F: NonlinearityFunction>: RegisterActivation {
  @inlinable @inline(__always)
  public init(_ nonlinearity: Nonlinearity) {}

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ x: L.Vector, _: L.Type) -> L.Vector { F.apply(x, L.self) }
}

/// Turns integer sums of rows without offsets into floats, and stores them as they are.
@frozen
public struct ScaleEpilogue: GEMMEpilogue {
  @usableFromInline var quantization: Quantization

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) { quantization = block.quantization ?? .zeros }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.quantization = quantization.moved(rows: rows, columns: columns)
    return moved
  }

  @inlinable @inline(__always)
  public func apply<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    L.multiply(quantization.scale(sum, L.self), L.load(quantization.steps))
  }

  @inlinable @inline(__always)
  public func revisit<L: Lanes>(_ block: GEMMBlock, rows: Range<Int>, width: Int, _: L.Type) {}
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
