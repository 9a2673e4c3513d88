// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Resizes rows and columns of RGB bytes with integer weights, exactly, and normalises them.
public struct ResamplingKernel: Sendable {
  /// The fraction bits of a weight; its magnitude is below 2²³.
  public static let fractionBits: Int32 = 22

  /// Neighbouring pixels, or rows, whose bytes share a 32-bit word.
  public let tapsPerWord: Int
  /// A weight is the sum of this many digits · 2^(`digitBits` · i).
  public let digits: Int
  /// Bits of a digit, which is signed.
  public let digitBits: Int
  /// Pixels of a row that are computed together.
  public let pixels: Int
  /// Resizes a row along itself.
  public let resizeRow: @Sendable (ResampledRow) -> Void
  /// Adds rows.
  public let addRows: @Sendable (WeightedRows) -> Void
  /// Turns bytes into normalised values.
  public let normalize: @Sendable (NormalizedBytes) -> Void

  @inlinable
  public init<D: WeightDigits>(
    _: D.Type, lanes: Int, resizeRow: @escaping @Sendable (ResampledRow) -> Void,
    addRows: @escaping @Sendable (WeightedRows) -> Void,
    normalize: @escaping @Sendable (NormalizedBytes) -> Void
  ) {
    tapsPerWord = D.tapsPerWord
    digits = D.count
    digitBits = D.bits
    pixels = lanes / 4
    self.resizeRow = resizeRow
    self.addRows = addRows
    self.normalize = normalize
  }

  /// The words of digits for up to ``tapsPerWord`` weights, beginning with the lowest digits.
  public func forEachWord(
    of weights: UnsafeBufferPointer<Int32>, _ body: (_ digit: Int, _ word: UInt32) -> Void
  ) {
    let width = UInt32(32 / tapsPerWord)
    let mask: UInt32 = 1 << width - 1
    let sign: Int32 = 1 << Int32(digitBits - 1)
    // What is left of each weight after taking its lower digits.
    withUnsafeTemporaryAllocation(of: Int32.self, capacity: weights.count) { rests in
      _ = rests.initialize(from: weights)
      for digit in 0..<digits {
        var word: UInt32 = 0
        for tap in rests.indices {
          let rest = rests[tap]
          // The remainder nearest to zero, but the last digit is all that is left.
          let value =
            digit == digits - 1 ? rest : (rest &+ sign) & (2 &* sign &- 1) &- sign
          rests[tap] = (rest &- value) >> Int32(digitBits)
          word |= (UInt32(bitPattern: value) & mask) << (width * UInt32(tap))
        }
        body(digit, word)
      }
    }
  }
}

/// How weights of 24 bits are divided into digits, so that their products with bytes are exact.
public protocol WeightDigits {
  /// The words of `count` / 4 pixels and those after them.
  static func taps<L: PixelLanes>(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>, _: L.Type
  ) -> L.Vector
  /// The words of `count` columns of some rows.
  static func taps<L: PixelLanes>(
    _ rows: UnsafePointer<UnsafePointer<UInt8>>, column: Int, _: L.Type
  ) -> L.Vector
  static func multiplyAdd<L: PixelLanes>(
    _ taps: L.Vector, _ digits: L.Vector, _ sum: L.Vector, _: L.Type
  ) -> L.Vector
  static var tapsPerWord: Int { get }
  static var count: Int { get }
  static var bits: Int { get }
}

/// Three bytes: products of four taps at a time, where an instruction adds four products.
public enum ByteDigits: WeightDigits {
  @inlinable @inline(__always) public static var tapsPerWord: Int { 4 }
  @inlinable @inline(__always) public static var count: Int { 3 }
  @inlinable @inline(__always) public static var bits: Int { 8 }

  @inlinable @inline(__always)
  public static func taps<L: PixelLanes>(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>, _: L.Type
  ) -> L.Vector { L.fourTaps(source, offsets) }

  @inlinable @inline(__always)
  public static func taps<L: PixelLanes>(
    _ rows: UnsafePointer<UnsafePointer<UInt8>>, column: Int, _: L.Type
  ) -> L.Vector {
    let low = L.or(L.loadBytes(rows[0] + column), L.loadBytes(rows[1] + column), shiftedBy: 8)
    let high = L.or(L.loadBytes(rows[2] + column), L.loadBytes(rows[3] + column), shiftedBy: 8)
    return L.or(low, high, shiftedBy: 16)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd<L: PixelLanes>(
    _ taps: L.Vector, _ digits: L.Vector, _ sum: L.Vector, _: L.Type
  ) -> L.Vector { L.dotBytes(taps, digits, sum) }
}

/// 15 bits and the rest: products of two taps at a time.
public enum PairDigits: WeightDigits {
  @inlinable @inline(__always) public static var tapsPerWord: Int { 2 }
  @inlinable @inline(__always) public static var count: Int { 2 }
  @inlinable @inline(__always) public static var bits: Int { 15 }

  @inlinable @inline(__always)
  public static func taps<L: PixelLanes>(
    _ source: UnsafePointer<UInt8>, _ offsets: UnsafePointer<Int32>, _: L.Type
  ) -> L.Vector { L.twoTaps(source, offsets) }

  @inlinable @inline(__always)
  public static func taps<L: PixelLanes>(
    _ rows: UnsafePointer<UnsafePointer<UInt8>>, column: Int, _: L.Type
  ) -> L.Vector {
    L.or(L.loadBytes(rows[0] + column), L.loadBytes(rows[1] + column), shiftedBy: 16)
  }

  @inlinable @inline(__always)
  public static func multiplyAdd<L: PixelLanes>(
    _ taps: L.Vector, _ digits: L.Vector, _ sum: L.Vector, _: L.Type
  ) -> L.Vector { L.dotPairs(taps, digits, sum) }
}

/// A row of pixels, resized along itself in groups of ``ResamplingKernel/pixels``.
@frozen
public struct ResampledRow {
  /// The row; 16 bytes are read at each offset.
  public var source: UnsafePointer<UInt8>
  /// Receives the pixels of all groups, and up to 4 bytes more.
  public var target: UnsafeMutablePointer<UInt8>
  public var groups: Int
  /// Words that each pixel's weights take.
  public var blocks: Int
  /// The byte offset of the first pixel of each word: `[groups, blocks, pixels]`.
  public var offsets: UnsafePointer<Int32>
  /// The digits' words: `[groups, blocks, digits, 4 · pixels]`.
  public var words: UnsafePointer<Float>

  @inlinable
  public init(
    source: UnsafePointer<UInt8>, target: UnsafeMutablePointer<UInt8>, groups: Int, blocks: Int,
    offsets: UnsafePointer<Int32>, words: UnsafePointer<Float>
  ) {
    self.source = source
    self.target = target
    self.groups = groups
    self.blocks = blocks
    self.offsets = offsets
    self.words = words
  }

  @inlinable @inline(__always)
  public func run<D: WeightDigits, L: PixelLanes>(_: D.Type, _: L.Type) {
    var (offsets, words, target) = (offsets, words, target)
    for _ in 0..<groups {
      var sums = DigitSums(D.self, L.self)
      for _ in 0..<blocks {
        let taps = D.taps(source, offsets, L.self)
        sums.low = D.multiplyAdd(taps, L.load(words), sums.low, L.self)
        sums.middle = D.multiplyAdd(taps, L.load(words + L.count), sums.middle, L.self)
        if D.count == 3 {
          sums.high = D.multiplyAdd(taps, L.load(words + 2 &* L.count), sums.high, L.self)
        }
        offsets += L.count / 4
        words += D.count &* L.count
      }
      L.storePixels(sums.total, fractionBits: ResamplingKernel.fractionBits, target)
      target += 3 &* L.count / 4
    }
  }
}

/// The weighted sum of rows of bytes.
@frozen
public struct WeightedRows {
  /// The rows, ``ResamplingKernel/tapsPerWord`` for each block; a row without weight may repeat.
  public var rows: UnsafePointer<UnsafePointer<UInt8>>
  /// Words that the weights take.
  public var blocks: Int
  /// The digits' words: `[blocks, digits]`.
  public var words: UnsafePointer<Float>
  /// Bytes in a row; up to 15 more are read of each row and written to `target`.
  public var count: Int
  public var target: UnsafeMutablePointer<UInt8>

  @inlinable
  public init(
    rows: UnsafePointer<UnsafePointer<UInt8>>, blocks: Int, words: UnsafePointer<Float>, count: Int,
    target: UnsafeMutablePointer<UInt8>
  ) {
    self.rows = rows
    self.blocks = blocks
    self.words = words
    self.count = count
    self.target = target
  }

  @inlinable @inline(__always)
  public func run<D: WeightDigits, L: PixelLanes>(_: D.Type, _: L.Type) {
    var column = 0
    while column < count {
      var sums = DigitSums(D.self, L.self)
      var (rows, words) = (rows, words)
      for _ in 0..<blocks {
        let taps = D.taps(rows, column: column, L.self)
        sums.low = D.multiplyAdd(taps, L.splat(words[0]), sums.low, L.self)
        sums.middle = D.multiplyAdd(taps, L.splat(words[1]), sums.middle, L.self)
        if D.count == 3 {
          sums.high = D.multiplyAdd(taps, L.splat(words[2]), sums.high, L.self)
        }
        rows += D.tapsPerWord
        words += D.count
      }
      L.storeClamped(
        sums.total, fractionBits: ResamplingKernel.fractionBits, target + column)
      column += L.count
    }
  }
}

/// The sums of each digit's products.
@frozen
@usableFromInline
struct DigitSums<D: WeightDigits, L: PixelLanes> {
  @usableFromInline var low: L.Vector
  @usableFromInline var middle: L.Vector
  @usableFromInline var high: L.Vector

  @inlinable @inline(__always)
  init(_: D.Type, _: L.Type) {
    // Half a unit, so that dropping the fraction bits rounds.
    low = L.splat(Float(bitPattern: 1 << UInt32(ResamplingKernel.fractionBits - 1)))
    middle = L.splat(0)
    high = middle
  }

  /// The sum of all products, modulo 2³².
  @inlinable @inline(__always)
  var total: L.Vector {
    let upper = D.count == 3 ? L.add(middle, high, shiftedBy: Int32(D.bits)) : middle
    return L.add(low, upper, shiftedBy: Int32(D.bits))
  }
}
