// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// out = (byte / 255 − mean) / standard deviation for interleaved RGB bytes.
///
/// Divisions are products with the reciprocal, corrected by their remainder (Markstein 1990), which has
/// one rounding where multiply-adds do. Not every divisor gives the correctly rounded quotient, so the
/// caller compares all 256 bytes of each channel first.
@frozen
public struct NormalizedBytes {
  /// The number of values whose constants repeat: a multiple of 3 and of every vector's length.
  @inlinable @inline(__always)
  public static var period: Int { 48 }

  public var source: UnsafePointer<UInt8>
  /// A multiple of ``period``.
  public var count: Int
  /// Each value's mean, negated standard deviation and the reciprocal of that: `[3, period]`.
  public var constants: UnsafePointer<Float>
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    source: UnsafePointer<UInt8>, count: Int, constants: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>
  ) {
    self.source = source
    self.count = count
    self.constants = constants
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: PixelLanes>(_: L.Type) {
    let (first, second, third) = (
      Constants<L>(self, 0), Constants<L>(self, L.count), Constants<L>(self, 2 * L.count)
    )
    var (source, out) = (source, out)
    let end = source + count
    while source < end {
      L.store(first.normalize(source), out)
      L.store(second.normalize(source + L.count), out + L.count)
      L.store(third.normalize(source + 2 &* L.count), out + 2 &* L.count)
      source += 3 &* L.count
      out += 3 &* L.count
    }
  }

  /// The constants of a vector of values.
  @frozen
  @usableFromInline
  struct Constants<L: PixelLanes> {
    @usableFromInline let mean: L.Vector
    @usableFromInline let divisor: L.Vector
    @usableFromInline let reciprocal: L.Vector

    @inlinable @inline(__always)
    init(_ bytes: NormalizedBytes, _ place: Int) {
      mean = L.load(bytes.constants + place)
      divisor = L.load(bytes.constants + NormalizedBytes.period + place)
      reciprocal = L.load(bytes.constants + 2 * NormalizedBytes.period + place)
    }

    @inlinable @inline(__always)
    func normalize(_ source: UnsafePointer<UInt8>) -> L.Vector {
      let byte = L.fromIntegers(L.loadBytes(source))
      let nearly = L.multiply(byte, L.splat(1 / 255))
      let share = L.multiplyAdd(
        L.multiplyAdd(nearly, L.splat(-255), byte), L.splat(1 / 255), nearly)
      let difference = L.subtract(share, mean)
      let value = L.multiply(difference, reciprocal)
      return L.multiplyAdd(L.multiplyAdd(value, divisor, difference), reciprocal, value)
    }
  }
}
