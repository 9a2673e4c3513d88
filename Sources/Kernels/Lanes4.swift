// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// 128-bit vectors: SSE2, which has no fused multiply-add, or NEON, which does.
public enum Lanes4: Lanes {
  public typealias Vector = SIMD4<Float>
  public typealias Half = Lanes4

  @inlinable @inline(__always)
  public static var count: Int { 4 }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    clanes_load4(pointer)
  }

  @inlinable @inline(__always)
  public static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    clanes_store4(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func splat(_ value: Float) -> Vector {
    clanes_splat4(value)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector) -> Vector {
    clanes_add4(a, b)
  }

  @inlinable @inline(__always)
  public static func subtract(_ a: Vector, _ b: Vector) -> Vector {
    clanes_subtract4(a, b)
  }

  @inlinable @inline(__always)
  public static func multiply(_ a: Vector, _ b: Vector) -> Vector {
    clanes_multiply4(a, b)
  }

  @inlinable @inline(__always)
  public static func divide(_ a: Vector, _ b: Vector) -> Vector {
    clanes_divide4(a, b)
  }

  @inlinable @inline(__always)
  public static func squareRoot(_ a: Vector) -> Vector {
    clanes_sqrt4(a)
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_max4(a, b)
  }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_min4(a, b)
  }

  @inlinable @inline(__always)
  public static func select(_ x: Vector, atMost y: Vector, _ a: Vector, else b: Vector) -> Vector {
    clanes_select4(x, y, a, b)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    #if arch(arm64)
      clanes_fused4(a, b, c)
    #else
      // A fused operation would be a call into libm for every lane.
      clanes_add4(clanes_multiply4(a, b), c)
    #endif
  }

  @inlinable @inline(__always)
  public static func scale(_ a: Vector, byPowerIn shifted: Vector) -> Vector {
    clanes_scale4(a, shifted)
  }

  @inlinable @inline(__always)
  public static func reciprocal(_ a: Vector) -> Vector {
    clanes_reciprocal4(a)
  }

  @inlinable @inline(__always)
  public static func power(_ a: Vector) -> Vector {
    clanes_power4(a)
  }

  @inlinable @inline(__always)
  public static func dotBF16(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bf16_4(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func dotBytes(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bytes_4(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func dotShorts(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_shorts_4(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func fromIntegers(_ a: Vector) -> Vector {
    clanes_from_integers4(a)
  }

  @inlinable @inline(__always)
  public static func truncateToBF16(_ a: Vector) -> Vector { clanes_high4(a) }

  @inlinable @inline(__always)
  public static func loadBF16(_ pointer: UnsafeRawPointer) -> Vector {
    clanes_load_bf16_4(pointer)
  }

  @inlinable @inline(__always)
  public static func storeBF16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bf16_4(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func pairBF16(_ low: Vector, _ high: Vector) -> Vector {
    clanes_pair_bf16_4(low, high)
  }

  @inlinable @inline(__always)
  public static func storeBytes(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bytes4(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func storeShorts(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_shorts4(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func largerMagnitude(_ a: Vector, _ b: Vector) -> Vector {
    clanes_larger_magnitude4(a, b)
  }

  @inlinable @inline(__always)
  public static func reduceMagnitude(_ a: Vector) -> Float {
    clanes_reduce_larger_magnitude4(a)
  }

  @inlinable @inline(__always)
  public static func reduceAdd(_ a: Vector) -> Float {
    clanes_reduce_add4(a)
  }

  @inlinable @inline(__always)
  public static func reduceMax(_ a: Vector) -> Float {
    clanes_reduce_max4(a)
  }

  @inlinable @inline(__always)
  public static func reduceMin(_ a: Vector) -> Float {
    clanes_reduce_min4(a)
  }
}
