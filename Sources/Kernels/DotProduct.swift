// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// How a GEMM multiplies: one word of A, in all lanes, by a vector of words of B.
///
/// The loops, tiles and blocks of all precisions are the same code: a word is one float, two
/// bf16, two 16-bit or four 8-bit integers, and a sum of 32 bits takes its place in a vector of floats even if it is an
/// integer.
public protocol DotProduct {
  associatedtype L: Lanes
  /// The same in half vectors.
  associatedtype Half: DotProduct where Half.L == L.Half
  /// sum + a · b.
  static func multiplyAdd(_ a: L.Vector, _ b: L.Vector, _ sum: L.Vector) -> L.Vector
}

/// Floats.
public enum F32Product<L: Lanes>: DotProduct where L.Half.Half == L.Half {
  public typealias Half = F32Product<L.Half>

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: L.Vector, _ b: L.Vector, _ sum: L.Vector) -> L.Vector {
    L.multiplyAdd(a, b, sum)
  }
}

/// Pairs of bf16, summed as f32.
public enum BF16Product<L: Lanes>: DotProduct where L.Half.Half == L.Half {
  public typealias Half = BF16Product<L.Half>

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: L.Vector, _ b: L.Vector, _ sum: L.Vector) -> L.Vector {
    L.dotBF16(a, b, sum)
  }
}

/// Four unsigned bytes of A and four signed bytes of B, summed as 32-bit integers.
public enum Int8Product<L: Lanes>: DotProduct where L.Half.Half == L.Half {
  public typealias Half = Int8Product<L.Half>

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: L.Vector, _ b: L.Vector, _ sum: L.Vector) -> L.Vector {
    L.dotBytes(a, b, sum)
  }
}

/// Two signed 16-bit integers, summed as 32-bit integers.
public enum Int16Product<L: Lanes>: DotProduct where L.Half.Half == L.Half {
  public typealias Half = Int16Product<L.Half>

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: L.Vector, _ b: L.Vector, _ sum: L.Vector) -> L.Vector {
    L.dotShorts(a, b, sum)
  }
}
