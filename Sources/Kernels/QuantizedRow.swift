// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Quantizes rows to unsigned bytes: x = minimum + step · q, both of them the row's own.
///
/// A row that is not finite gets a step of NaN, and so does everything computed from it.
public enum QuantizeRowTo8: PanelConversion {
  @inlinable @inline(__always)
  public static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type
  ) {
    var low = L.splat(.infinity)
    var high = L.splat(-.infinity)
    // 0 · x is 0 unless x is infinite or NaN.
    var poison = L.splat(0)
    var channel = 0
    while channel + L.count <= panel.channels {
      let value = panel.load(x, channel, L.self)
      low = L.minimum(value, low)
      high = L.maximum(value, high)
      poison = L.multiplyAdd(value, L.splat(0), poison)
      channel += L.count
    }
    var minimum = L.reduceMin(low)
    var maximum = L.reduceMax(high)
    var fault = L.reduceAdd(poison)
    if L.count > 8 && channel < panel.channels {
      let value = panel.load(x, channel, L.Half.self)
      minimum = min(minimum, L.Half.reduceMin(value))
      maximum = max(maximum, L.Half.reduceMax(value))
      fault += L.Half.reduceAdd(L.Half.multiply(value, L.Half.splat(0)))
    }
    let step = (maximum - minimum) * (1 / 255)
    let inverse: Float = step > 0 ? 1 / step : 0
    scales[0] = step + fault
    scales[1] = minimum
    forEachVector(
      of: panel.channels, L.self,
      Body(panel: panel, x: x, out: out, minimum: minimum, inverse: inverse))
  }

  @frozen
  @usableFromInline
  struct Body: ChannelBody {
    @usableFromInline let panel: Panel
    @usableFromInline let x: UnsafePointer<Float>
    @usableFromInline let out: UnsafeMutableRawPointer
    @usableFromInline let minimum: Float
    @usableFromInline let inverse: Float

    @inlinable @inline(__always)
    init(
      panel: Panel, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, minimum: Float,
      inverse: Float
    ) {
      self.panel = panel
      self.x = x
      self.out = UnsafeMutableRawPointer(out)
      self.minimum = minimum
      self.inverse = inverse
    }

    @inlinable @inline(__always)
    func run<L: Lanes>(_ channel: Int, _: L.Type) {
      let offset = L.subtract(panel.load(x, channel, L.self), L.splat(minimum))
      // A step that was rounded down takes the largest value a little above 255.
      let scaled = L.minimum(L.multiply(offset, L.splat(inverse)), L.splat(255))
      L.storeBytes(scaled, out + channel)
    }
  }
}

/// Quantizes rows to 16-bit integers: x = step · q, with the row's own step and |q| ≤ the panel's `largest`.
///
/// A row that is not finite gets a step that is not, and so does everything computed from it.
public enum QuantizeRowTo16: PanelConversion {
  /// The largest integer of rows of `depth` numbers.
  ///
  /// Weights get the bits that this leaves before sums of 32 bits overflow. Both operands err equally if
  /// rows have a largest number of three times their root mean square.
  public static func largest(depth: Int) -> Float {
    min(32767, (6e9 / Float(max(1, depth))).squareRoot().rounded(.down))
  }

  @inlinable @inline(__always)
  public static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type
  ) {
    var magnitudes = L.splat(0)
    var channel = 0
    while channel + L.count <= panel.channels {
      magnitudes = L.largerMagnitude(panel.load(x, channel, L.self), magnitudes)
      channel += L.count
    }
    var magnitude = L.reduceMagnitude(magnitudes)
    if L.count > 8 && channel < panel.channels {
      let last = L.Half.largerMagnitude(panel.load(x, channel, L.Half.self), L.Half.splat(0))
      // As integers, because NaN must stay.
      magnitude = Float(
        bitPattern: max(magnitude.bitPattern, L.Half.reduceMagnitude(last).bitPattern))
    }
    scales[0] = magnitude * (1 / panel.largest)
    scales[1] = 0
    // What is smaller has no inverse, and becomes 0.
    let inverse: Float = magnitude > 0x1p-100 ? panel.largest / magnitude : 0
    forEachVector(
      of: panel.channels, L.self, Body(panel: panel, x: x, out: out, inverse: inverse))
  }

  @frozen
  @usableFromInline
  struct Body: ChannelBody {
    @usableFromInline let panel: Panel
    @usableFromInline let x: UnsafePointer<Float>
    @usableFromInline let out: UnsafeMutableRawPointer
    @usableFromInline let inverse: Float

    @inlinable @inline(__always)
    init(
      panel: Panel, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>, inverse: Float
    ) {
      self.panel = panel
      self.x = x
      self.out = UnsafeMutableRawPointer(out)
      self.inverse = inverse
    }

    @inlinable @inline(__always)
    func run<L: Lanes>(_ channel: Int, _: L.Type) {
      L.storeShorts(
        L.multiply(panel.load(x, channel, L.self), L.splat(inverse)), out + 2 * channel)
    }
  }
}
