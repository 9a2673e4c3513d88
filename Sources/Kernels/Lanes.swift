// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

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
  /// sum + the two products of signed 16-bit integers in each word of `a` and `b`, all of them integers.
  static func dotShorts(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector
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
  /// Rounds values from −32768 to 32767 and writes `count` 16-bit integers.
  static func storeShorts(_ vector: Vector, _ pointer: UnsafeMutableRawPointer)
  /// The larger magnitude in each lane, where NaN counts as largest; `b` has no signs.
  static func largerMagnitude(_ a: Vector, _ b: Vector) -> Vector
  /// The largest lane of magnitudes, where NaN counts as largest.
  static func reduceMagnitude(_ a: Vector) -> Float
  /// The sum of all lanes.
  static func reduceAdd(_ a: Vector) -> Float
  /// The largest lane.
  static func reduceMax(_ a: Vector) -> Float
  /// The smallest lane.
  static func reduceMin(_ a: Vector) -> Float
}
