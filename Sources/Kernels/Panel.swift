// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// Rows of a feature map on their way to a GEMM: gated where squeeze-excite has a gate, and converted
/// to the GEMM's precision.
@frozen
public struct Panel {
  public var rows: Int
  /// Floats in a row, a multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  /// Factors on the channels, or nil.
  public var gate: UnsafePointer<Float>?
  /// The words of the converted rows.
  public var out: UnsafeMutablePointer<Float>
  public var outStride: Int
  /// Words of a converted row, or of each of its parts if it is split.
  public var partWords: Int
  /// Whether a part ends with words that no channel fills, which then are zero.
  public var isPadded: Bool
  /// The largest integer of a row quantized to 16 bits.
  public var largest: Float
  /// Receives step and offset of each row, if it is quantized.
  public var scales: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int, gate: UnsafePointer<Float>?,
    out: UnsafeMutablePointer<Float>, outStride: Int, partWords: Int, isPadded: Bool = false,
    largest: Float = 0,
    scales: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.gate = gate
    self.out = out
    self.outStride = outStride
    self.partWords = partWords
    self.isPadded = isPadded
    self.largest = largest
    self.scales = scales
  }

  /// Some channels of a row, gated.
  @inlinable @inline(__always)
  func load<L: Lanes>(_ x: UnsafePointer<Float>, _ channel: Int, _: L.Type) -> L.Vector {
    let value = L.load(x + channel)
    return gate.map { L.multiply(value, L.load($0 + channel)) } ?? value
  }
}

/// Converts a panel row by row.
public protocol PanelConversion {
  /// The number of parts that a row is split into.
  static var parts: Int { get }
  static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type)
}

extension PanelConversion {
  @inlinable @inline(__always)
  public static var parts: Int { 1 }
}

@inlinable @inline(__always)
public func convert<C: PanelConversion, L: Lanes>(_ panel: Panel, _: C.Type, _: L.Type) {
  for row in 0..<panel.rows {
    let out = panel.out + row * panel.outStride
    if panel.isPadded {
      // Padding is shorter than a vector; the channels are written over the rest of it.
      for part in 1...C.parts { L.store(L.splat(0), out + part * panel.partWords - L.count) }
    }
    C.convert(panel, panel.x + row * panel.xStride, out, panel.scales + 2 * row, L.self)
  }
}

/// Copies rows.
public enum CopyRow: PanelConversion {
  @inlinable @inline(__always)
  public static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type
  ) {
    forEachVector(of: panel.channels, L.self, Body(panel: panel, x: x, out: out))
  }

  @frozen
  @usableFromInline
  struct Body: ChannelBody {
    @usableFromInline let panel: Panel
    @usableFromInline let x: UnsafePointer<Float>
    @usableFromInline let out: UnsafeMutablePointer<Float>

    @inlinable @inline(__always)
    init(panel: Panel, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>) {
      self.panel = panel
      self.x = x
      self.out = out
    }

    @inlinable @inline(__always)
    func run<L: Lanes>(_ channel: Int, _: L.Type) {
      L.store(panel.load(x, channel, L.self), out + channel)
    }
  }
}

/// Rounds rows to bf16.
public enum RoundRow: PanelConversion {
  @inlinable @inline(__always)
  public static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type
  ) {
    forEachVector(of: panel.channels, L.self, Body(panel: panel, x: x, out: out))
  }

  @frozen
  @usableFromInline
  struct Body: ChannelBody {
    @usableFromInline let panel: Panel
    @usableFromInline let x: UnsafePointer<Float>
    @usableFromInline let out: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    init(panel: Panel, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>) {
      self.panel = panel
      self.x = x
      self.out = UnsafeMutableRawPointer(out)
    }

    @inlinable @inline(__always)
    func run<L: Lanes>(_ channel: Int, _: L.Type) {
      L.storeBF16(panel.load(x, channel, L.self), out + 2 * channel)
    }
  }
}

/// Splits rows into bf16 and what is left of them, also as bf16.
public enum SplitRow: PanelConversion {
  @inlinable @inline(__always)
  public static var parts: Int { 2 }

  @inlinable @inline(__always)
  public static func convert<L: Lanes>(
    _ panel: Panel, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ scales: UnsafeMutablePointer<Float>, _: L.Type
  ) {
    forEachVector(of: panel.channels, L.self, Body(panel: panel, x: x, out: out))
  }

  @frozen
  @usableFromInline
  struct Body: ChannelBody {
    @usableFromInline let panel: Panel
    @usableFromInline let x: UnsafePointer<Float>
    @usableFromInline let out: UnsafeMutableRawPointer

    @inlinable @inline(__always)
    init(panel: Panel, x: UnsafePointer<Float>, out: UnsafeMutablePointer<Float>) {
      self.panel = panel
      self.x = x
      self.out = UnsafeMutableRawPointer(out)
    }

    @inlinable @inline(__always)
    func run<L: Lanes>(_ channel: Int, _: L.Type) {
      let value = panel.load(x, channel, L.self)
      let high = L.truncateToBF16(value)
      let place = out + 2 * channel
      L.storeBF16(high, place)
      L.storeBF16(L.subtract(value, high), place + 4 * panel.partWords)
    }
  }
}
