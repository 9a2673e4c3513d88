// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// 512-bit vectors with fused multiply-add: AVX-512.
public enum Lanes16: Lanes {
  public typealias Vector = SIMD16<Float>
  public typealias Half = Lanes8

  @inlinable @inline(__always)
  public static var count: Int { 16 }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    clanes_load16(pointer)
  }

  @inlinable @inline(__always)
  public static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    clanes_store16(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func splat(_ value: Float) -> Vector {
    clanes_splat16(value)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector) -> Vector {
    clanes_add16(a, b)
  }

  @inlinable @inline(__always)
  public static func subtract(_ a: Vector, _ b: Vector) -> Vector {
    clanes_subtract16(a, b)
  }

  @inlinable @inline(__always)
  public static func multiply(_ a: Vector, _ b: Vector) -> Vector {
    clanes_multiply16(a, b)
  }

  @inlinable @inline(__always)
  public static func divide(_ a: Vector, _ b: Vector) -> Vector {
    clanes_divide16(a, b)
  }

  @inlinable @inline(__always)
  public static func squareRoot(_ a: Vector) -> Vector {
    clanes_sqrt16(a)
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_max16(a, b)
  }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_min16(a, b)
  }

  @inlinable @inline(__always)
  public static func select(_ x: Vector, atMost y: Vector, _ a: Vector, else b: Vector) -> Vector {
    clanes_select16(x, y, a, b)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    clanes_fused16(a, b, c)
  }

  @inlinable @inline(__always)
  public static func scale(_ a: Vector, byPowerIn shifted: Vector) -> Vector {
    clanes_scale16(a, shifted)
  }

  @inlinable @inline(__always)
  public static func reciprocal(_ a: Vector) -> Vector {
    clanes_reciprocal16(a)
  }

  @inlinable @inline(__always)
  public static func power(_ a: Vector) -> Vector {
    clanes_power16(a)
  }

  @inlinable @inline(__always)
  public static func dotBF16(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bf16_16(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func dotBytes(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bytes_16(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func dotShorts(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_shorts_16(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func fromIntegers(_ a: Vector) -> Vector {
    clanes_from_integers16(a)
  }

  @inlinable @inline(__always)
  public static func truncateToBF16(_ a: Vector) -> Vector { clanes_high16(a) }

  @inlinable @inline(__always)
  public static func loadBF16(_ pointer: UnsafeRawPointer) -> Vector {
    clanes_load_bf16_16(pointer)
  }

  @inlinable @inline(__always)
  public static func storeBF16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bf16_16(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func pairBF16(_ low: Vector, _ high: Vector) -> Vector {
    clanes_pair_bf16_16(low, high)
  }

  @inlinable @inline(__always)
  public static func storeBytes(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bytes16(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func storeShorts(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_shorts16(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func largerMagnitude(_ a: Vector, _ b: Vector) -> Vector {
    clanes_larger_magnitude16(a, b)
  }

  @inlinable @inline(__always)
  public static func reduceMagnitude(_ a: Vector) -> Float {
    clanes_reduce_larger_magnitude16(a)
  }

  @inlinable @inline(__always)
  public static func reduceAdd(_ a: Vector) -> Float {
    clanes_reduce_add16(a)
  }

  @inlinable @inline(__always)
  public static func reduceMax(_ a: Vector) -> Float {
    clanes_reduce_max16(a)
  }

  @inlinable @inline(__always)
  public static func reduceMin(_ a: Vector) -> Float {
    clanes_reduce_min16(a)
  }
}
