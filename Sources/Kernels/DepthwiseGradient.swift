// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Sums for neighbouring taps in a row of a depthwise kernel, one vector of channels each.
public protocol TapRun {
  associatedtype L: Lanes
  /// Taps in the run.
  static var count: Int { get }
  /// Sums of zero.
  init()
  /// Adds gradient · x to every tap; the first reads `x`, each further one the next position.
  mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector)
  /// The same for the taps at positions from 0 to `width`, if the first is at `position`.
  mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector, position: Int, width: Int)
  /// Adds both runs to the vectors at `sums`, `stride` floats apart.
  func add(_ other: Self, to sums: UnsafeMutablePointer<Float>, stride: Int)
}

/// A run of one tap.
@frozen
public struct OneTap<L: Lanes>: TapRun {
  @usableFromInline var sum: L.Vector

  @inlinable @inline(__always)
  public static var count: Int { 1 }

  @inlinable @inline(__always)
  public init() { sum = L.splat(0) }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector
  ) {
    sum = L.multiplyAdd(L.load(x), gradient, sum)
  }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector, position: Int, width: Int
  ) {
    if position >= 0 && position < width { sum = L.multiplyAdd(L.load(x), gradient, sum) }
  }

  @inlinable @inline(__always)
  public func add(_ other: Self, to sums: UnsafeMutablePointer<Float>, stride: Int) {
    L.store(L.add(L.load(sums), L.add(sum, other.sum)), sums)
  }
}

/// Two runs side by side.
@frozen
public struct Taps<Left: TapRun, Right: TapRun>: TapRun where Left.L == Right.L {
  public typealias L = Left.L
  @usableFromInline var left: Left
  @usableFromInline var right: Right

  @inlinable @inline(__always)
  public static var count: Int { Left.count + Right.count }

  @inlinable @inline(__always)
  public init() {
    left = Left()
    right = Right()
  }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector
  ) {
    left.accumulate(x, positionStride: positionStride, gradient)
    right.accumulate(
      x + Left.count * positionStride, positionStride: positionStride, gradient)
  }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, positionStride: Int, _ gradient: L.Vector, position: Int, width: Int
  ) {
    left.accumulate(
      x, positionStride: positionStride, gradient, position: position, width: width)
    right.accumulate(
      x + Left.count * positionStride, positionStride: positionStride, gradient,
      position: position + Left.count, width: width)
  }

  @inlinable @inline(__always)
  public func add(_ other: Self, to sums: UnsafeMutablePointer<Float>, stride: Int) {
    left.add(other.left, to: sums, stride: stride)
    right.add(other.right, to: sums + Left.count * stride, stride: stride)
  }
}

public typealias ThreeTaps<L: Lanes> = Taps<Taps<OneTap<L>, OneTap<L>>, OneTap<L>>
public typealias FiveTaps<L: Lanes> = Taps<ThreeTaps<L>, Taps<OneTap<L>, OneTap<L>>>

/// The gradient of a depthwise kernel from some rows of one image: each tap's vector at `sums` grows by
/// Σ x · gradient over these rows.
@frozen
public struct DepthwiseGradient: ChannelBody {
  /// Side of the kernel.
  public var side: Int
  public var stride: Int
  public var paddingTop: Int
  public var paddingLeft: Int
  /// Channels to compute, a multiple of 8; all pointers are at the first of them.
  public var channels: Int
  /// The input image, or some of its rows; `paddingTop` then counts the rows before them, too.
  public var x: UnsafePointer<Float>
  public var inputHeight: Int
  public var inputWidth: Int
  /// Floats between neighbouring input positions.
  public var inputStride: Int
  /// The gradient of the whole output image.
  public var gradient: UnsafePointer<Float>
  /// Output columns, and floats between them.
  public var outputWidth: Int
  public var outputStride: Int
  /// Output rows to sum over.
  public var rows: Range<Int>
  /// Output columns with the whole kernel inside the image.
  public var inner: Range<Int>
  /// side × side vectors of sums, `sumStride` floats apart.
  public var sums: UnsafeMutablePointer<Float>
  public var sumStride: Int

  @inlinable
  public init(
    side: Int, stride: Int, paddingTop: Int, paddingLeft: Int, channels: Int,
    x: UnsafePointer<Float>, inputHeight: Int, inputWidth: Int, inputStride: Int,
    gradient: UnsafePointer<Float>, outputWidth: Int, outputStride: Int, rows: Range<Int>,
    inner: Range<Int>, sums: UnsafeMutablePointer<Float>, sumStride: Int
  ) {
    self.side = side
    self.stride = stride
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
    self.channels = channels
    self.x = x
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputStride = inputStride
    self.gradient = gradient
    self.outputWidth = outputWidth
    self.outputStride = outputStride
    self.rows = rows
    self.inner = inner
    self.sums = sums
    self.sumStride = sumStride
  }

  /// The same with kernel side and stride known to the compiler.
  @inlinable @inline(__always)
  public func withKernel(side: Int, stride: Int) -> DepthwiseGradient {
    var copy = self
    copy.side = side
    copy.stride = stride
    return copy
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    for row in 0..<side {
      switch side {
      case 3: accumulate(ThreeTaps<L>.self, kernelRow: row, tap: 0, channel)
      case 5: accumulate(FiveTaps<L>.self, kernelRow: row, tap: 0, channel)
      default:
        for tap in 0..<side { accumulate(OneTap<L>.self, kernelRow: row, tap: tap, channel) }
      }
    }
  }

  /// The taps of a kernel row from `tap` on.
  ///
  /// Odd and even columns have their own sums, because three chains of multiply-adds are bound by their
  /// latency.
  @inlinable @inline(__always)
  func accumulate<Run: TapRun>(_: Run.Type, kernelRow: Int, tap: Int, _ channel: Int) {
    var even = Run()
    var odd = Run()
    let step = stride * inputStride
    for row in rows {
      let line = row * stride - paddingTop + kernelRow
      guard line >= 0 && line < inputHeight else { continue }
      let x = self.x + (line * inputWidth + tap - paddingLeft) * inputStride + channel
      let gradient = self.gradient + row * outputWidth * outputStride + channel
      var column = 0
      while column < outputWidth {
        if column == inner.lowerBound {
          while column + 2 <= inner.upperBound {
            even.accumulate(
              x + column * step, positionStride: inputStride,
              Run.L.load(gradient + column * outputStride))
            odd.accumulate(
              x + (column + 1) * step, positionStride: inputStride,
              Run.L.load(gradient + (column + 1) * outputStride))
            column += 2
          }
          if column == outputWidth { break }
        }
        even.accumulate(
          x + column * step, positionStride: inputStride,
          Run.L.load(gradient + column * outputStride),
          position: column * stride - paddingLeft + tap, width: inputWidth)
        column += 1
      }
    }
    even.add(
      odd, to: sums + (kernelRow * side + tap) * sumStride + channel, stride: sumStride)
  }
}
