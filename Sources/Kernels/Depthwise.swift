// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Neighbouring output positions of a depthwise convolution, one vector of channels each.
public protocol PixelRun {
  associatedtype L: Lanes
  /// Positions in the run.
  static var count: Int { get }
  /// Every position starts as `value`.
  init(_ value: L.Vector)
  /// Adds weight · x to every position: the first reads x's position `index`, the next ones
  /// `stride` further each; positions are `step` floats apart.
  mutating func accumulate(
    _ x: UnsafePointer<Float>, index: Int, stride: Int, step: Int, _ weight: L.Vector)
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
  public mutating func accumulate(
    _ x: UnsafePointer<Float>, index: Int, stride: Int, step: Int, _ weight: L.Vector
  ) {
    value = L.multiplyAdd(L.load(x + index * step), weight, value)
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
    _ x: UnsafePointer<Float>, index: Int, stride: Int, step: Int, _ weight: L.Vector
  ) {
    first.accumulate(x, index: index, stride: stride, step: step, weight)
    second.accumulate(x, index: index + First.count * stride, stride: stride, step: step, weight)
  }

  @inlinable @inline(__always)
  public func store<F: NonlinearityFunction>(
    _: F.Type, _ out: UnsafeMutablePointer<Float>, step: Int, sum: inout L.Vector
  ) {
    first.store(F.self, out, step: step, sum: &sum)
    second.store(F.self, out + First.count * step, step: step, sum: &sum)
  }
}

public typealias TwoPixels<L: Lanes> = Runs<OnePixel<L>, OnePixel<L>>
public typealias FourPixels<L: Lanes> = Runs<TwoPixels<L>, TwoPixels<L>>

/// A depthwise kernel's side and stride: constants for the pairs that networks use, so that the loop
/// over a row of the kernel is unrolled and a value under two positions' kernels is read once.
public protocol DepthwiseShape {
  var side: Int { get }
  var stride: Int { get }
}

@frozen
public struct Side3Stride1: DepthwiseShape {
  @inlinable @inline(__always)
  public init() {}
  @inlinable @inline(__always)
  public var side: Int { 3 }
  @inlinable @inline(__always)
  public var stride: Int { 1 }
}

@frozen
public struct Side3Stride2: DepthwiseShape {
  @inlinable @inline(__always)
  public init() {}
  @inlinable @inline(__always)
  public var side: Int { 3 }
  @inlinable @inline(__always)
  public var stride: Int { 2 }
}

@frozen
public struct Side5Stride1: DepthwiseShape {
  @inlinable @inline(__always)
  public init() {}
  @inlinable @inline(__always)
  public var side: Int { 5 }
  @inlinable @inline(__always)
  public var stride: Int { 1 }
}

@frozen
public struct Side5Stride2: DepthwiseShape {
  @inlinable @inline(__always)
  public init() {}
  @inlinable @inline(__always)
  public var side: Int { 5 }
  @inlinable @inline(__always)
  public var stride: Int { 2 }
}

@frozen
public struct AnyDepthwiseShape: DepthwiseShape {
  public let side: Int
  public let stride: Int

  @inlinable @inline(__always)
  public init(_ row: DepthwiseRow) {
    side = row.side
    stride = row.stride
  }
}

/// One output row of a depthwise convolution with bias and nonlinearity.
///
/// The input has its left and right padding: zeros stand where the kernel hangs over the edge. Rows
/// of the kernel above or below the image are left out.
@frozen
public struct DepthwiseRow {
  /// Side of the kernel.
  public var side: Int
  public var stride: Int
  /// Channels to compute, a multiple of 8; all pointers are at the first of them.
  public var channels: Int
  /// What lies under the kernel's first row here, for the first output position.
  public var x: UnsafePointer<Float>
  /// Floats between neighbouring input positions, and between rows.
  public var inputStep: Int
  public var rowStride: Int
  /// The kernel's first row here: vectors of weights, `weightStep` floats apart.
  public var weights: UnsafePointer<Float>
  public var weightStep: Int
  /// Rows of the kernel that lie inside the image.
  public var kernelRows: Int
  public var bias: UnsafePointer<Float>
  public var out: UnsafeMutablePointer<Float>
  /// Output positions, and floats between them.
  public var width: Int
  public var outputStep: Int
  public var nonlinearity: Nonlinearity
  /// What the outputs of this row are added to, per channel.
  public var sums: UnsafeMutablePointer<Float>?

  @inlinable
  public init(
    side: Int, stride: Int, channels: Int, x: UnsafePointer<Float>, inputStep: Int, rowStride: Int,
    weights: UnsafePointer<Float>, weightStep: Int, kernelRows: Int, bias: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, width: Int, outputStep: Int, nonlinearity: Nonlinearity,
    sums: UnsafeMutablePointer<Float>?
  ) {
    self.side = side
    self.stride = stride
    self.channels = channels
    self.x = x
    self.inputStep = inputStep
    self.rowStride = rowStride
    self.weights = weights
    self.weightStep = weightStep
    self.kernelRows = kernelRows
    self.bias = bias
    self.out = out
    self.width = width
    self.outputStep = outputStep
    self.nonlinearity = nonlinearity
    self.sums = sums
  }

  /// Positions are dealt out evenly to runs of at most eight, so that no run is left with one or
  /// two: a run shorter than four waits for the latency of its own multiply-adds.
  @inlinable @inline(__always)
  func run<Shape: DepthwiseShape, L: Lanes>(_ shape: Shape, _ channel: Int, _: L.Type) {
    let runs = (width + 7) / 8
    var longer = width % runs
    let shorter = width / runs
    var sum = L.splat(0)
    var x = self.x + channel
    var out = self.out + channel
    for _ in 0..<runs {
      let count = longer > 0 ? shorter + 1 : shorter
      longer -= 1
      switch count {
      case 4: compute(FourPixels<L>.self, shape, x, out, channel, &sum)
      case 5: compute(Runs<FourPixels<L>, OnePixel<L>>.self, shape, x, out, channel, &sum)
      case 6: compute(Runs<FourPixels<L>, TwoPixels<L>>.self, shape, x, out, channel, &sum)
      case 7:
        compute(
          Runs<FourPixels<L>, Runs<TwoPixels<L>, OnePixel<L>>>.self, shape, x, out, channel, &sum)
      case 8: compute(Runs<FourPixels<L>, FourPixels<L>>.self, shape, x, out, channel, &sum)
      default:
        for single in 0..<count {
          compute(
            OnePixel<L>.self, shape, x + single * shape.stride * inputStep,
            out + single * outputStep, channel, &sum)
        }
      }
      x += count * shape.stride * inputStep
      out += count * outputStep
    }
    if let sums { L.store(L.add(L.load(sums + channel), sum), sums + channel) }
  }

  @inlinable @inline(__always)
  func compute<Run: PixelRun, Shape: DepthwiseShape>(
    _: Run.Type, _ shape: Shape, _ x: UnsafePointer<Float>, _ out: UnsafeMutablePointer<Float>,
    _ channel: Int, _ sum: inout Run.L.Vector
  ) {
    var run = Run(Run.L.load(bias + channel))
    var line = x
    var weight = weights + channel
    for _ in 0..<kernelRows {
      for index in 0..<shape.side {
        run.accumulate(
          line, index: index, stride: shape.stride, step: inputStep,
          Run.L.load(weight + index * weightStep))
      }
      line += rowStride
      weight += shape.side * weightStep
    }
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

/// A row whose kernel's shape is known to the compiler.
///
/// Every shape is compiled by itself: in a function with all of them, the compiler stops inlining.
@frozen
public struct ShapedDepthwiseRow<Shape: DepthwiseShape>: ChannelBody {
  @usableFromInline let row: DepthwiseRow
  @usableFromInline let shape: Shape

  @inlinable @inline(__always)
  public init(_ row: DepthwiseRow, _ shape: Shape) {
    self.row = row
    self.shape = shape
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) { row.run(shape, channel, L.self) }
}
