// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Two vectors side by side.
///
/// A kernel that walks down the rows of a feature map reads a run of memory in each. One vector is a
/// single cache line, too short a run for maps that come from memory; longer runs were up to 1.7 times
/// as fast. Pairs can be paired again.
public enum Paired<L: Lanes>: Lanes {
  @frozen
  public struct Vector {
    @usableFromInline let low: L.Vector
    @usableFromInline let high: L.Vector

    @inlinable @inline(__always)
    init(_ low: L.Vector, _ high: L.Vector) { (self.low, self.high) = (low, high) }
  }

  /// One vector.
  public typealias Half = L

  @inlinable @inline(__always)
  public static var count: Int { 2 * L.count }

  @inlinable @inline(__always)
  static func each(_ a: Vector, _ operation: (L.Vector) -> L.Vector) -> Vector {
    Vector(operation(a.low), operation(a.high))
  }

  @inlinable @inline(__always)
  static func each(
    _ a: Vector, _ b: Vector, _ operation: (L.Vector, L.Vector) -> L.Vector
  ) -> Vector {
    Vector(operation(a.low, b.low), operation(a.high, b.high))
  }

  @inlinable @inline(__always)
  static func each(
    _ a: Vector, _ b: Vector, _ c: Vector,
    _ operation: (L.Vector, L.Vector, L.Vector) -> L.Vector
  ) -> Vector {
    Vector(operation(a.low, b.low, c.low), operation(a.high, b.high, c.high))
  }

  @inlinable @inline(__always)
  public static func load(_ pointer: UnsafePointer<Float>) -> Vector {
    Vector(L.load(pointer), L.load(pointer + L.count))
  }

  @inlinable @inline(__always)
  public static func store(_ vector: Vector, _ pointer: UnsafeMutablePointer<Float>) {
    L.store(vector.low, pointer)
    L.store(vector.high, pointer + L.count)
  }

  @inlinable @inline(__always)
  public static func splat(_ value: Float) -> Vector { Vector(L.splat(value), L.splat(value)) }

  @inlinable @inline(__always)
  public static func add(_ a: Vector, _ b: Vector) -> Vector { each(a, b) { L.add($0, $1) } }

  @inlinable @inline(__always)
  public static func subtract(_ a: Vector, _ b: Vector) -> Vector {
    each(a, b) { L.subtract($0, $1) }
  }

  @inlinable @inline(__always)
  public static func multiply(_ a: Vector, _ b: Vector) -> Vector {
    each(a, b) { L.multiply($0, $1) }
  }

  @inlinable @inline(__always)
  public static func divide(_ a: Vector, _ b: Vector) -> Vector { each(a, b) { L.divide($0, $1) } }

  @inlinable @inline(__always)
  public static func squareRoot(_ a: Vector) -> Vector { each(a) { L.squareRoot($0) } }

  @inlinable @inline(__always)
  public static func maximum(_ a: Vector, _ b: Vector) -> Vector {
    each(a, b) { L.maximum($0, $1) }
  }

  @inlinable @inline(__always)
  public static func minimum(_ a: Vector, _ b: Vector) -> Vector {
    each(a, b) { L.minimum($0, $1) }
  }

  @inlinable @inline(__always)
  public static func select(_ x: Vector, atMost y: Vector, _ a: Vector, else b: Vector) -> Vector {
    Vector(
      L.select(x.low, atMost: y.low, a.low, else: b.low),
      L.select(x.high, atMost: y.high, a.high, else: b.high))
  }

  @inlinable @inline(__always)
  public static func multiplyAdd(_ a: Vector, _ b: Vector, _ c: Vector) -> Vector {
    each(a, b, c) { L.multiplyAdd($0, $1, $2) }
  }

  @inlinable @inline(__always)
  public static func scale(_ a: Vector, byPowerIn shifted: Vector) -> Vector {
    each(a, shifted) { L.scale($0, byPowerIn: $1) }
  }

  @inlinable @inline(__always)
  public static func reciprocal(_ a: Vector) -> Vector { each(a) { L.reciprocal($0) } }

  @inlinable @inline(__always)
  public static func power(_ a: Vector) -> Vector { each(a) { L.power($0) } }

  @inlinable @inline(__always)
  public static func dotBF16(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    each(a, b, sum) { L.dotBF16($0, $1, $2) }
  }

  @inlinable @inline(__always)
  public static func dotBytes(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    each(a, b, sum) { L.dotBytes($0, $1, $2) }
  }

  @inlinable @inline(__always)
  public static func dotShorts(_ a: Vector, _ b: Vector, _ sum: Vector) -> Vector {
    each(a, b, sum) { L.dotShorts($0, $1, $2) }
  }

  @inlinable @inline(__always)
  public static func fromIntegers(_ a: Vector) -> Vector { each(a) { L.fromIntegers($0) } }

  @inlinable @inline(__always)
  public static func truncateToBF16(_ a: Vector) -> Vector { each(a) { L.truncateToBF16($0) } }

  @inlinable @inline(__always)
  public static func loadBF16(_ pointer: UnsafeRawPointer) -> Vector {
    Vector(L.loadBF16(pointer), L.loadBF16(pointer + 2 * L.count))
  }

  @inlinable @inline(__always)
  public static func storeBF16(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    L.storeBF16(vector.low, pointer)
    L.storeBF16(vector.high, pointer + 2 * L.count)
  }

  @inlinable @inline(__always)
  public static func pairBF16(_ low: Vector, _ high: Vector) -> Vector {
    each(low, high) { L.pairBF16($0, $1) }
  }

  @inlinable @inline(__always)
  public static func storeBytes(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    L.storeBytes(vector.low, pointer)
    L.storeBytes(vector.high, pointer + L.count)
  }

  @inlinable @inline(__always)
  public static func storeShorts(_ vector: Vector, _ pointer: UnsafeMutableRawPointer) {
    L.storeShorts(vector.low, pointer)
    L.storeShorts(vector.high, pointer + 2 * L.count)
  }

  @inlinable @inline(__always)
  public static func largerMagnitude(_ a: Vector, _ b: Vector) -> Vector {
    each(a, b) { L.largerMagnitude($0, $1) }
  }

  @inlinable @inline(__always)
  public static func reduceMagnitude(_ a: Vector) -> Float {
    L.reduceMagnitude(L.largerMagnitude(a.low, a.high))
  }

  @inlinable @inline(__always)
  public static func reduceAdd(_ a: Vector) -> Float { L.reduceAdd(a.low) + L.reduceAdd(a.high) }

  @inlinable @inline(__always)
  public static func reduceMax(_ a: Vector) -> Float {
    max(L.reduceMax(a.low), L.reduceMax(a.high))
  }

  @inlinable @inline(__always)
  public static func reduceMin(_ a: Vector) -> Float {
    min(L.reduceMin(a.low), L.reduceMin(a.high))
  }
}
