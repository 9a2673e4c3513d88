// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// Operations on interleaved RGB bytes: weighted sums in 32-bit integers, and back to bytes.
///
/// A vector of sums holds one word for each of R, G and B of `count` / 4 pixels; every fourth word is
/// unused.
public protocol PixelLanes: Lanes {
  /// Of each pixel at `source + offsets[i]` and the three after it: the four bytes of R, of G and of B.
  ///
  /// Reads 16 bytes for each pixel.
  static func fourTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector
  /// Of each pixel at `source + offsets[i]` and the one after it: the two values of R, of G and of B,
  /// in 16 bits each.
  ///
  /// Reads 16 bytes for each pixel.
  static func twoTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector
  /// `count` bytes, one in each word.
  static func loadBytes(_ source: UnsafePointer<UInt8>) -> Vector
  /// The bits of `b`, moved up, beside those of `a`.
  static func or(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector
  /// a + b · 2ⁿ in integers.
  static func add(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector
  /// sum + the two products of signed 16-bit integers in each word of `a` and `b`.
  static func dotPairs(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector
  /// Drops fraction bits, clamps to 0…255, and writes `count` bytes.
  static func storeClamped(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>)
  /// The same for a vector of pixels: writes their bytes without gaps, then others, `count` in all.
  static func storePixels(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>)
}

extension Lanes16: PixelLanes {
  @inlinable @inline(__always)
  public static func fourTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_four_taps16(source, offsets) }

  @inlinable @inline(__always)
  public static func twoTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_two_taps16(source, offsets) }

  @inlinable @inline(__always)
  public static func loadBytes(_ source: UnsafePointer<UInt8>) -> Vector {
    clanes_load_bytes16(source)
  }

  @inlinable @inline(__always)
  public static func or(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_or16(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_add16(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func dotPairs(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_pairs16(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func storeClamped(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_clamped16(sums, fractionBits, target) }

  @inlinable @inline(__always)
  public static func storePixels(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_pixels16(sums, fractionBits, target) }
}

extension Lanes8: PixelLanes {
  @inlinable @inline(__always)
  public static func fourTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_four_taps8(source, offsets) }

  @inlinable @inline(__always)
  public static func twoTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_two_taps8(source, offsets) }

  @inlinable @inline(__always)
  public static func loadBytes(_ source: UnsafePointer<UInt8>) -> Vector {
    clanes_load_bytes8(source)
  }

  @inlinable @inline(__always)
  public static func or(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_or8(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_add8(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func dotPairs(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_pairs8(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func storeClamped(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_clamped8(sums, fractionBits, target) }

  @inlinable @inline(__always)
  public static func storePixels(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_pixels8(sums, fractionBits, target) }
}

extension Lanes4: PixelLanes {
  @inlinable @inline(__always)
  public static func fourTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_four_taps4(source, offsets) }

  @inlinable @inline(__always)
  public static func twoTaps(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>
  ) -> Vector { clanes_two_taps4(source, offsets) }

  @inlinable @inline(__always)
  public static func loadBytes(_ source: UnsafePointer<UInt8>) -> Vector {
    clanes_load_bytes4(source)
  }

  @inlinable @inline(__always)
  public static func or(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_or4(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector, shiftedBy bits: Int32) -> Vector {
    clanes_shifted_add4(a, b, bits)
  }

  @inlinable @inline(__always)
  public static func dotPairs(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_pairs4(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func storeClamped(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_clamped4(sums, fractionBits, target) }

  @inlinable @inline(__always)
  public static func storePixels(
    _ sums: Vector, fractionBits: Int32, _ target: UnsafeMutablePointer<UInt8>
  ) { clanes_store_pixels4(sums, fractionBits, target) }
}
