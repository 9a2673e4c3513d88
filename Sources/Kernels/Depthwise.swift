// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Neighbouring output positions of a depthwise convolution, one vector of channels each.
public protocol PixelRun {
  associatedtype L: Lanes
  /// Positions in the run.
  static var count: Int { get }
  /// Every position starts as `value`.
  init(_ value: L.Vector)
  /// Adds weight · x, x being read `step` apart for each position.
  mutating func accumulate(_ x: UnsafePointer<Float>, step: Int, _ weight: L.Vector)
  /// Writes F of every position, `step` apart, and adds it to `sum`.
  func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, step: Int, sum: inout L.Vector)
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
  public mutating func accumulate(_ x: UnsafePointer<Float>, step: Int, _ weight: L.Vector) {
    value = L.multiplyAdd(L.load(x), weight, value)
  }

  @inlinable @inline(__always)
  public func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, step: Int, sum: inout L.Vector
  ) {
    let result = F.apply(value, L.self)
    sum = L.add(sum, result)
    L.store(result, out)
  }
}

/// Two runs, one after the other.
@frozen
public struct TwoRuns<Half: PixelRun>: PixelRun {
  public typealias L = Half.L
  @usableFromInline var first: Half
  @usableFromInline var second: Half

  @inlinable @inline(__always)
  public static var count: Int { 2 * Half.count }

  @inlinable @inline(__always)
  public init(_ value: L.Vector) {
    first = Half(value)
    second = Half(value)
  }

  @inlinable @inline(__always)
  public mutating func accumulate(_ x: UnsafePointer<Float>, step: Int, _ weight: L.Vector) {
    first.accumulate(x, step: step, weight)
    second.accumulate(x + Half.count * step, step: step, weight)
  }

  @inlinable @inline(__always)
  public func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, step: Int, sum: inout L.Vector
  ) {
    first.store(F.self, out, step: step, sum: &sum)
    second.store(F.self, out + Half.count * step, step: step, sum: &sum)
  }
}

/// Some output rows of a depthwise convolution with bias and nonlinearity.
@frozen
public struct DepthwiseRows: ChannelBody {
  public var kernel: Int
  public var stride: Int
  public var paddingTop: Int
  public var paddingLeft: Int
  /// Channels to compute, a multiple of 8; all pointers are at the first of them.
  public var channels: Int
  /// The whole input image.
  public var x: UnsafePointer<Float>
  public var inputHeight: Int
  public var inputWidth: Int
  /// Floats between neighbouring input positions.
  public var inputStep: Int
  /// Row `firstRow` of the output.
  public var out: UnsafeMutablePointer<Float>
  public var firstRow: Int
  public var rows: Int
  public var outputWidth: Int
  /// Floats between neighbouring output positions.
  public var outputStep: Int
  /// kernel × kernel vectors of weights, `weightStep` floats apart.
  public var weights: UnsafePointer<Float>
  public var weightStep: Int
  public var bias: UnsafePointer<Float>
  public var nonlinearity: Nonlinearity
  /// Where the sums of the outputs over these rows are written, per channel.
  public var sums: UnsafeMutablePointer<Float>?
  /// Whether `sums` is to be overwritten, not added to.
  @usableFromInline var isFirst = true

  @inlinable
  public init(
    kernel: Int, stride: Int, paddingTop: Int, paddingLeft: Int, channels: Int,
    x: UnsafePointer<Float>, inputHeight: Int, inputWidth: Int, inputStep: Int,
    out: UnsafeMutablePointer<Float>, firstRow: Int, rows: Int, outputWidth: Int, outputStep: Int,
    weights: UnsafePointer<Float>, weightStep: Int, bias: UnsafePointer<Float>,
    nonlinearity: Nonlinearity, sums: UnsafeMutablePointer<Float>?
  ) {
    self.kernel = kernel
    self.stride = stride
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
    self.channels = channels
    self.x = x
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputStep = inputStep
    self.out = out
    self.firstRow = firstRow
    self.rows = rows
    self.outputWidth = outputWidth
    self.outputStep = outputStep
    self.weights = weights
    self.weightStep = weightStep
    self.bias = bias
    self.nonlinearity = nonlinearity
    self.sums = sums
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    // Output columns whose whole kernel lies inside the image: [left, right).
    let left = min((paddingLeft + stride - 1) / stride, outputWidth)
    let reach = inputWidth - kernel + paddingLeft
    let right = max(left, reach < 0 ? 0 : min(reach / stride + 1, outputWidth))
    var sum = L.splat(0)
    for row in firstRow..<firstRow + rows {
      let top = row * stride - paddingTop
      let taps = max(0, -top)..<min(kernel, inputHeight - top)
      let line = out + (row - firstRow) * outputWidth * outputStep + channel
      var column = 0
      while column < left {
        edge(L.self, line, column, top, taps, channel, &sum)
        column += 1
      }
      while column + 8 <= right {
        inner(
          TwoRuns<TwoRuns<TwoRuns<OnePixel<L>>>>.self, line, column, top, taps, channel,
          &sum)
        column += 8
      }
      if column + 4 <= right {
        inner(TwoRuns<TwoRuns<OnePixel<L>>>.self, line, column, top, taps, channel, &sum)
        column += 4
      }
      while column < right {
        inner(OnePixel<L>.self, line, column, top, taps, channel, &sum)
        column += 1
      }
      while column < outputWidth {
        edge(L.self, line, column, top, taps, channel, &sum)
        column += 1
      }
    }
    if let sums {
      L.store(isFirst ? sum : L.add(L.load(sums + channel), sum), sums + channel)
    }
  }

  @inlinable @inline(__always)
  func inner<Run: PixelRun>(
    _: Run.Type, _ line: UnsafeMutablePointer<Float>, _ column: Int, _ top: Int,
    _ taps: Range<Int>, _ channel: Int, _ sum: inout Run.L.Vector
  ) {
    var run = Run(Run.L.load(bias + channel))
    let step = stride * inputStep
    var tap = taps.lowerBound
    while tap < taps.upperBound {
      var pixel =
        x + ((top + tap) * inputWidth + column * stride - paddingLeft) * inputStep + channel
      var weight = weights + tap * kernel * weightStep + channel
      for _ in 0..<kernel {
        run.accumulate(pixel, step: step, Run.L.load(weight))
        pixel += inputStep
        weight += weightStep
      }
      tap += 1
    }
    finish(run, line + column * outputStep, sum: &sum)
  }

  @inlinable @inline(__always)
  func edge<L: Lanes>(
    _: L.Type, _ line: UnsafeMutablePointer<Float>, _ column: Int, _ top: Int,
    _ taps: Range<Int>, _ channel: Int, _ sum: inout L.Vector
  ) {
    var run = OnePixel<L>(L.load(bias + channel))
    let first = column * stride - paddingLeft
    let lower = max(0, -first)
    let upper = min(kernel, inputWidth - first)
    var tap = taps.lowerBound
    while tap < taps.upperBound {
      var side = lower
      while side < upper {
        run.accumulate(
          x + ((top + tap) * inputWidth + first + side) * inputStep + channel, step: 0,
          L.load(weights + (tap * kernel + side) * weightStep + channel))
        side += 1
      }
      tap += 1
    }
    finish(run, line + column * outputStep, sum: &sum)
  }

  /// The switch stands here, once for up to eight positions, and not around the loops, so that
  /// only the stores are compiled for every nonlinearity.
  @inlinable @inline(__always)
  func finish<Run: PixelRun>(
    _ run: Run, _ out: UnsafeMutablePointer<Float>, sum: inout Run.L.Vector
  ) {
    switch nonlinearity {
    case .identity: run.store(Identity.self, out, step: outputStep, sum: &sum)
    case .relu: run.store(ReLU.self, out, step: outputStep, sum: &sum)
    case .relu6: run.store(ReLU6.self, out, step: outputStep, sum: &sum)
    case .hardSwish: run.store(HardSwish.self, out, step: outputStep, sum: &sum)
    case .hardSigmoid: run.store(HardSigmoid.self, out, step: outputStep, sum: &sum)
    case .silu: run.store(SiLU.self, out, step: outputStep, sum: &sum)
    case .sigmoid: run.store(Sigmoid.self, out, step: outputStep, sum: &sum)
    }
  }
}

/// The rows of `all`, one after another, each for all channels.
///
/// Row by row, because channel by channel over the whole image every position read would be on
/// another page: measured 4 times slower on maps of 24 × 24 × 960.
@inlinable @inline(__always)
public func forEachRow<L: Lanes>(of all: DepthwiseRows, _: L.Type) {
  var one = all
  one.rows = 1
  for _ in 0..<all.rows {
    forEachVector(of: all.channels, L.self, one)
    one.firstRow += 1
    one.out += all.outputWidth * all.outputStep
    one.isFirst = false
  }
}
