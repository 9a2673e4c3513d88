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
    // Bytes whose constants are the same, one vector after the other.
    for phase in 0..<3 {
      let place = phase * L.count
      let mean = L.load(constants + place)
      let divisor = L.load(constants + Self.period + place)
      let reciprocal = L.load(constants + 2 * Self.period + place)
      var index = place
      while index < count {
        let byte = L.fromIntegers(L.loadBytes(source + index))
        var share = L.multiply(byte, L.splat(1 / 255))
        share = L.multiplyAdd(
          L.multiplyAdd(share, L.splat(-255), byte), L.splat(1 / 255), share)
        let difference = L.subtract(share, mean)
        let value = L.multiply(difference, reciprocal)
        let rest = L.multiplyAdd(value, divisor, difference)
        L.store(L.multiplyAdd(rest, reciprocal, value), out + index)
        index += 3 &* L.count
      }
    }
  }
}
