// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// The width and the arithmetic of one instruction set.
///
/// Kernels are written once against this protocol. The targets `KernelsAVX512`, `KernelsAVX2` and
/// `KernelsBaseline` instantiate them, each with its own compiler flags. Every body is inlined into
/// those targets; if one were shared, the linker could use the copy with AVX-512 instructions for
/// all of them.
public protocol Lanes {
  /// A vector register of floats.
  associatedtype Vector
  /// The lanes for a last run of 8 channels: narrower than `Self` only where that is wider than 8.
  associatedtype Half: Lanes

  /// Floats in a vector.
  static var count: Int { get }
  /// Reads a vector; `pointer` may be unaligned.
  static func load(_ pointer: UnsafePointer<Float>) -> Vector
  /// Writes a vector; `pointer` may be unaligned.
  static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>)
  /// The same value in every lane.
  static func splat(_ value: Float) -> Vector
  static func add(_ a: Vector, _ b: Vector) -> Vector
  static func subtract(_ a: Vector, _ b: Vector) -> Vector
  static func multiply(_ a: Vector, _ b: Vector) -> Vector
  static func divide(_ a: Vector, _ b: Vector) -> Vector
  /// The square root, correctly rounded.
  static func squareRoot(_ a: Vector) -> Vector
  /// The lane-wise maximum; a NaN in `a` stays.
  static func maximum(_ a: Vector, _ b: Vector) -> Vector
  /// The lane-wise minimum; a NaN in `a` stays.
  static func minimum(_ a: Vector, _ b: Vector) -> Vector
  /// `a` in lanes where `x` ≤ `y`, else `b`, also where either is NaN.
  static func select(_ x: Vector, atMost y: Vector, _ a: Vector, else b: Vector) -> Vector
  /// a · b + c: one rounding where the instruction set has a fused instruction, else two.
  static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector
  /// a · 2ⁿ, where `shifted` is n + 1.5 · 2²³.
  static func scale(_ a: Vector, byPowerIn shifted: Vector) -> Vector

  /// 1 / a for positive numbers, to 13 bits or more.
  static func reciprocal(_ a: Vector) -> Vector
  /// 2 to the power `a`, to 13 bits; saturates.
  static func power(_ a: Vector) -> Vector
  /// sum + the two products of bf16 in each word of `a` and `b`.
  static func dotBF16(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector
  /// sum + the four products of unsigned bytes of `a` and signed bytes of `b` in each word, all of
  /// them integers.
  static func dotBytes(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector
  /// The integers in the lanes, as floats.
  static func fromIntegers(_ a: Vector) -> Vector
  /// Each lane without its lower 16 bits: rounded to bf16, toward zero.
  static func truncateToBF16(_ a: Vector) -> Vector
  /// Reads `count` values of bf16.
  static func loadBF16(_ pointer: UnsafeRawPointer) -> Vector
  /// Rounds each lane to bf16 and writes `count` of them.
  static func storeBF16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer)
  /// Words of two values of bf16: `low` and `high`, rounded.
  static func pairBF16(_ low: Vector, _ high: Vector) -> Vector
  /// Rounds values from 0 to 255 and writes `count` bytes.
  static func storeBytes(_ vector: Vector, _ pointer: UnsafeMutableRawPointer)
  /// The sum of all lanes.
  static func reduceAdd(_ a: Vector) -> Float
  /// The largest lane.
  static func reduceMax(_ a: Vector) -> Float
  /// The smallest lane.
  static func reduceMin(_ a: Vector) -> Float
}

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

/// 256-bit vectors with fused multiply-add: AVX2 and FMA; the half vectors of AVX-512.
public enum Lanes8: Lanes {
  public typealias Vector = SIMD8<Float>
  public typealias Half = Lanes8

  @inlinable @inline(__always)
  public static var count: Int { 8 }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    clanes_load8(pointer)
  }

  @inlinable @inline(__always)
  public static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    clanes_store8(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func splat(_ value: Float) -> Vector {
    clanes_splat8(value)
  }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector) -> Vector {
    clanes_add8(a, b)
  }

  @inlinable @inline(__always)
  public static func subtract(_ a: Vector, _ b: Vector) -> Vector {
    clanes_subtract8(a, b)
  }

  @inlinable @inline(__always)
  public static func multiply(_ a: Vector, _ b: Vector) -> Vector {
    clanes_multiply8(a, b)
  }

  @inlinable @inline(__always)
  public static func divide(_ a: Vector, _ b: Vector) -> Vector {
    clanes_divide8(a, b)
  }

  @inlinable @inline(__always)
  public static func squareRoot(_ a: Vector) -> Vector {
    clanes_sqrt8(a)
  }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_max8(a, b)
  }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector {
    clanes_min8(a, b)
  }

  @inlinable @inline(__always)
  public static func select(_ x: Vector, atMost y: Vector, _ a: Vector, else b: Vector) -> Vector {
    clanes_select8(x, y, a, b)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    clanes_fused8(a, b, c)
  }

  @inlinable @inline(__always)
  public static func scale(_ a: Vector, byPowerIn shifted: Vector) -> Vector {
    clanes_scale8(a, shifted)
  }

  @inlinable @inline(__always)
  public static func reciprocal(_ a: Vector) -> Vector {
    clanes_reciprocal8(a)
  }

  @inlinable @inline(__always)
  public static func power(_ a: Vector) -> Vector {
    clanes_power8(a)
  }

  @inlinable @inline(__always)
  public static func dotBF16(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bf16_8(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func dotBytes(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    clanes_dot_bytes_8(a, b, sum)
  }

  @inlinable @inline(__always)
  public static func fromIntegers(_ a: Vector) -> Vector {
    clanes_from_integers8(a)
  }

  @inlinable @inline(__always)
  public static func truncateToBF16(_ a: Vector) -> Vector { clanes_high8(a) }

  @inlinable @inline(__always)
  public static func loadBF16(_ pointer: UnsafeRawPointer) -> Vector {
    clanes_load_bf16_8(pointer)
  }

  @inlinable @inline(__always)
  public static func storeBF16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bf16_8(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func pairBF16(_ low: Vector, _ high: Vector) -> Vector {
    clanes_pair_bf16_8(low, high)
  }

  @inlinable @inline(__always)
  public static func storeBytes(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    clanes_store_bytes8(vector, pointer)
  }

  @inlinable @inline(__always)
  public static func reduceAdd(_ a: Vector) -> Float {
    clanes_reduce_add8(a)
  }

  @inlinable @inline(__always)
  public static func reduceMax(_ a: Vector) -> Float {
    clanes_reduce_max8(a)
  }

  @inlinable @inline(__always)
  public static func reduceMin(_ a: Vector) -> Float {
    clanes_reduce_min8(a)
  }
}

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

/// Work on one vector of channels.
public protocol ChannelBody {
  /// Handles the `L.count` channels from `channel`.
  func run<L: Lanes>(_ channel: Int, _: L.Type)
}

/// Runs `body` over `channels`, a multiple of 8, in full vectors and at most one half vector.
///
/// Feature maps are stored with their channels rounded up to a multiple of 8 (all widths in these
/// networks already are), so no kernel needs a scalar tail.
@inlinable @inline(__always)
public func forEachVector<Body: ChannelBody, L: Lanes>(
  of channels: Int, _: L.Type, _ body: Body
) {
  var channel = 0
  while channel + L.count <= channels {
    body.run(channel, L.self)
    channel += L.count
  }
  if L.count > 8 && channel < channels { body.run(channel, L.Half.self) }
}
