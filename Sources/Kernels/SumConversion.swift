// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// Makes floats of a product's sums and adds the bias.
public protocol SumConversion {
  /// The conversion at the first row and column of `block`.
  init(_ block: GEMMBlock)
  /// The conversion advanced by some rows and columns.
  func moved(rows: Int, columns: Int) -> Self
  func convert<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector
}

/// Sums that are floats.
@frozen
public struct FloatSums: SumConversion {
  @usableFromInline var bias: UnsafePointer<Float>

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) { bias = block.bias ?? clanes_zeros() }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.bias += columns
    return moved
  }

  @inlinable @inline(__always)
  public func convert<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector { L.add(sum, L.load(bias)) }
}

/// Sums that are integers.
@frozen
public struct IntegerSums: SumConversion {
  @usableFromInline var bias: UnsafePointer<Float>
  @usableFromInline var quantization: Quantization

  @inlinable @inline(__always)
  public init(_ block: GEMMBlock) {
    bias = block.bias ?? clanes_zeros()
    quantization = block.quantization ?? .zeros
  }

  @inlinable @inline(__always)
  public func moved(rows: Int, columns: Int) -> Self {
    var moved = self
    moved.bias += columns
    moved.quantization = quantization.moved(rows: rows, columns: columns)
    return moved
  }

  @inlinable @inline(__always)
  public func convert<L: Lanes>(_ sum: L.Vector, _: L.Type) -> L.Vector {
    quantization.dequantize(sum, bias: L.load(bias), L.self)
  }
}
