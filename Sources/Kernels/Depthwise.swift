// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Neighbouring output positions of a depthwise convolution, one vector of channels each.
public protocol PixelRun {
  associatedtype L: Lanes
  /// Positions in the run.
  static var count: Int { get }
  /// Every position starts as `value`.
  init(_ value: L.Vector)
  /// Adds weight · x to every position.
  ///
  /// The first reads position `index` of x, each further one the position `stride` further on;
  /// positions are `positionStride` floats apart.
  mutating func accumulate(
    _ x: UnsafePointer<Float>, index: Int, stride: Int, positionStride: Int, _ weight: L.Vector)
  /// Writes F of every position, `positionStride` floats apart, and adds it to `sum`.
  func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, positionStride: Int, sum: inout L.Vector)
}

/// A run of one position.
@frozen
public struct OnePixel<L: Lanes>: PixelRun {
  @usableFromInline var value: L.Vector

  @inlinable @inline(__always)
  public static var count: Int { 1 }

  @inlinable @inline(__always)
  public init(_ value: L.Vector) { self.value = value }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, index: Int, stride: Int, positionStride: Int, _ weight: L.Vector
  ) {
    value = L.multiplyAdd(L.load(x + index * positionStride), weight, value)
  }

  @inlinable @inline(__always)
  public func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, positionStride: Int, sum: inout L.Vector
  ) {
    let result = F.apply(value, L.self)
    sum = L.add(sum, result)
    L.store(result, out)
  }
}

/// Two runs, one after the other.
@frozen
public struct Runs<First: PixelRun, Second: PixelRun>: PixelRun where First.L == Second.L {
  public typealias L = First.L
  @usableFromInline var first: First
  @usableFromInline var second: Second

  @inlinable @inline(__always)
  public static var count: Int { First.count + Second.count }

  @inlinable @inline(__always)
  public init(_ value: L.Vector) {
    first = First(value)
    second = Second(value)
  }

  @inlinable @inline(__always)
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, index: Int, stride: Int, positionStride: Int, _ weight: L.Vector
  ) {
    first.accumulate(x, index: index, stride: stride, positionStride: positionStride, weight)
    second.accumulate(
      x, index: index + First.count * stride, stride: stride, positionStride: positionStride, weight
    )
  }

  @inlinable @inline(__always)
  public func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, positionStride: Int, sum: inout L.Vector
  ) {
    first.store(F.self, out, positionStride: positionStride, sum: &sum)
    second.store(
      F.self, out + First.count * positionStride, positionStride: positionStride, sum: &sum)
  }
}

public typealias TwoPixels<L: Lanes> = Runs<OnePixel<L>, OnePixel<L>>
public typealias FourPixels<L: Lanes> = Runs<TwoPixels<L>, TwoPixels<L>>

/// The layout of a depthwise convolution's weights: for each 16 channels, a row of 16 for each tap, then
/// one of biases.
///
/// What a vector of channels needs lies together, so that the processor fetches it ahead of its use.
public struct DepthwiseWeights: Sendable {
  /// Channels in a group, and floats in a row.
  @inlinable @inline(__always)
  public static var group: Int { 16 }

  @usableFromInline let taps: Int

  @inlinable
  public init(taps: Int) { self.taps = taps }

  /// Floats from one group to the next.
  @inlinable
  public var groupStride: Int { (taps + 1) * Self.group }

  /// Floats of some channels.
  @inlinable
  public func count(channels: Int) -> Int {
    (channels + Self.group - 1) / Self.group * groupStride
  }

  /// The place of a channel's weight for a tap, or of its bias if `tap` is the number of taps.
  @inlinable
  public func offset(tap: Int, channel: Int) -> Int {
    channel / Self.group * groupStride + tap * Self.group + channel % Self.group
  }
}

/// One output row of a depthwise convolution with bias and nonlinearity.
///
/// The input includes left and right padding; kernel rows above or below the image are left out.
@frozen
public struct DepthwiseRow: ChannelBody {
  /// Side of the kernel.
  public var side: Int
  public var stride: Int
  /// Channels to compute, a multiple of 8; all pointers but `weights` and `bias` are at the
  /// first of them.
  public var channels: Int
  /// The input under the first of `kernelRows`, for the first output position.
  public var x: UnsafePointer<Float>
  /// Floats between neighbouring input positions, and between rows.
  public var inputStride: Int
  public var rowStride: Int
  /// The weights of channel 0 for the first of `kernelRows`, laid out as `DepthwiseWeights`.
  public var weights: UnsafePointer<Float>
  /// The bias of channel 0.
  public var bias: UnsafePointer<Float>
  /// Floats from the weights or biases of 16 channels to those of the next.
  public var groupStride: Int
  /// The number of the first channel, a multiple of the vectors' width.
  public var firstChannel: Int
  /// Rows of the kernel that lie inside the image.
  public var kernelRows: Int
  public var out: UnsafeMutablePointer<Float>
  /// Output positions, and floats between them.
  public let width: Int
  public var outputStride: Int
  public var nonlinearity: Nonlinearity
  /// Runs that the positions are distributed over, and the length of the shorter ones.
  @usableFromInline let runs: Int
  @usableFromInline let shorterRun: Int
  /// Receives the sums of this row's outputs per channel, if not nil.
  public var sums: UnsafeMutablePointer<Float>?

  @inlinable
  public init(
    side: Int, stride: Int, channels: Int, x: UnsafePointer<Float>, inputStride: Int,
    rowStride: Int, weights: UnsafePointer<Float>, bias: UnsafePointer<Float>, groupStride: Int,
    firstChannel: Int, kernelRows: Int, out: UnsafeMutablePointer<Float>, width: Int,
    outputStride: Int, nonlinearity: Nonlinearity,
    sums: UnsafeMutablePointer<Float>?
  ) {
    self.side = side
    self.stride = stride
    self.channels = channels
    self.x = x
    self.inputStride = inputStride
    self.rowStride = rowStride
    self.weights = weights
    self.bias = bias
    self.groupStride = groupStride
    self.firstChannel = firstChannel
    self.kernelRows = kernelRows
    self.out = out
    self.width = width
    runs = (width + 7) / 8
    shorterRun = width / max(1, runs)
    self.outputStride = outputStride
    self.nonlinearity = nonlinearity
    self.sums = sums
  }

  /// The same row with kernel side and stride known to the compiler.
  ///
  /// It can then unroll the loop over a kernel row, and load values shared by two positions once.
  @inlinable @inline(__always)
  public func withKernel(side: Int, stride: Int) -> DepthwiseRow {
    var row = self
    row.side = side
    row.stride = stride
    return row
  }

  /// Positions are distributed evenly over runs of at most eight, so that no run has only one or
  /// two: runs shorter than four are bound by the latency of their own multiply-adds.
  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let (runs, shorter) = (self.runs, shorterRun)
    var longer = width - runs * shorter
    var sum = L.splat(0)
    var x = self.x + channel
    var out = self.out + channel
    for _ in 0..<runs {
      let count = longer > 0 ? shorter + 1 : shorter
      longer -= 1
      switch count {
      case 4: compute(FourPixels<L>.self, x, out, channel, &sum)
      case 5: compute(Runs<FourPixels<L>, OnePixel<L>>.self, x, out, channel, &sum)
      case 6: compute(Runs<FourPixels<L>, TwoPixels<L>>.self, x, out, channel, &sum)
      case 7:
        compute(Runs<FourPixels<L>, Runs<TwoPixels<L>, OnePixel<L>>>.self, x, out, channel, &sum)
      case 8: compute(Runs<FourPixels<L>, FourPixels<L>>.self, x, out, channel, &sum)
      default:
        for single in 0..<count {
          compute(
            OnePixel<L>.self, x + single * stride * inputStride, out + single * outputStride,
            channel, &sum)
        }
      }
      x += count * stride * inputStride
      out += count * outputStride
    }
    if let sums { L.store(L.add(L.load(sums + channel), sum), sums + channel) }
  }

  @inlinable @inline(__always)
  func compute<Run: PixelRun>(
    _: Run.Type, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>, _ channel: Int,
    _ sum: inout Run.L.Vector
  ) {
    let group = DepthwiseWeights.group
    let number = firstChannel + channel
    let place = number / group * groupStride + number % group
    var run = Run(Run.L.load(bias + place))
    var line = x
    var weight = weights + place
    for _ in 0..<kernelRows {
      for index in 0..<side {
        run.accumulate(
          line, index: index, stride: stride, positionStride: inputStride,
          Run.L.load(weight + index * group))
      }
      line += rowStride
      weight += side * group
    }
    sum = nonlinearity.accept(
      StoreRun(run: run, out: out, positionStride: outputStride, sum: sum))
  }
}

/// Stores a run after applying an activation; returns `sum` plus the run's outputs.
@frozen
@usableFromInline
struct StoreRun<Run: PixelRun>: NonlinearityVisitor {
  @usableFromInline let run: Run
  @usableFromInline let out: UnsafeMutablePointer<Float>
  @usableFromInline let positionStride: Int
  @usableFromInline let sum: Run.L.Vector

  @inlinable @inline(__always)
  init(run: Run, out: UnsafeMutablePointer<Float>, positionStride: Int, sum: Run.L.Vector) {
    self.run = run
    self.out = out
    self.positionStride = positionStride
    self.sum = sum
  }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) -> Run.L.Vector {
    var total = sum
    run.store(F.self, out, positionStride: positionStride, sum: &total)
    return total
  }
}
