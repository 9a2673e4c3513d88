// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// C = nonlinearity(C + bias) (+ residual) in place: the epilogue for a GEMM without one.
@frozen
public struct Epilogue: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var c: UnsafeMutablePointer<Float>
  public var ldc: Int
  public var bias: UnsafePointer<Float>
  public var residual: UnsafePointer<Float>?
  public var ldResidual: Int
  public var nonlinearity: Nonlinearity

  @inlinable
  public init(
    rows: Int, channels: Int, c: UnsafeMutablePointer<Float>, ldc: Int,
    bias: UnsafePointer<Float>, residual: UnsafePointer<Float>?, ldResidual: Int,
    nonlinearity: Nonlinearity
  ) {
    self.rows = rows
    self.channels = channels
    self.c = c
    self.ldc = ldc
    self.bias = bias
    self.residual = residual
    self.ldResidual = ldResidual
    self.nonlinearity = nonlinearity
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    nonlinearity.accept(EpilogueVector<L>(self, channel))
  }
}

/// The epilogue of one vector of channels.
@frozen
@usableFromInline
struct EpilogueVector<L: Lanes>: NonlinearityVisitor {
  @usableFromInline let epilogue: Epilogue
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ epilogue: Epilogue, _ channel: Int) {
    self.epilogue = epilogue
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    let shift = L.load(epilogue.bias + channel)
    var pointer = epilogue.c + channel
    guard var added = epilogue.residual.map({ $0 + channel }) else {
      for _ in 0..<epilogue.rows {
        L.store(F.apply(L.add(L.load(pointer), shift), L.self), pointer)
        pointer += epilogue.ldc
      }
      return
    }
    for _ in 0..<epilogue.rows {
      L.store(L.add(F.apply(L.add(L.load(pointer), shift), L.self), L.load(added)), pointer)
      pointer += epilogue.ldc
      added += epilogue.ldResidual
    }
  }
}

/// out = (Σ over rows of x[row]) · factor, per channel: pooling, and joining partial sums.
@frozen
public struct ChannelSum: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var factor: Float
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int, factor: Float,
    out: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.factor = factor
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    // Two chains of additions, because a single one is bound by its latency.
    var even = L.splat(0)
    var odd = L.splat(0)
    var pointer = x + channel
    for _ in 0..<rows / 2 {
      even = L.add(even, L.load(pointer))
      odd = L.add(odd, L.load(pointer + xStride))
      pointer += 2 * xStride
    }
    if rows % 2 == 1 { even = L.add(even, L.load(pointer)) }
    L.store(L.multiply(L.add(even, odd), L.splat(factor)), out + channel)
  }
}
