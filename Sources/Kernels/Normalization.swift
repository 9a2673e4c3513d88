// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

// Batch norm in training. Its forward pass is u = scale · z + shift with scale = γ / σ and
// shift = β − scale · mean, from the batch's mean and variance; its backward pass needs two sums per
// channel and is then linear in the gradient and z (Ioffe and Szegedy 2015, arXiv 1502.03167, section
// 3). Strides are in floats; sums have two chains of additions, because a single one is bound by its
// latency, joined in a fixed order.

/// Keeps x, and out = (Σ over rows of what is kept) · factor, per channel.
@frozen
public struct KeptSum: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var kept: KeptMap
  /// The stride of both.
  public var stride: Int
  public var factor: Float
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, kept: KeptMap, stride: Int, factor: Float,
    out: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.kept = kept
    self.stride = stride
    self.factor = factor
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    kept.accept(KeptSumVector<L>(self, channel))
  }
}

/// One vector of channels of `KeptSum`.
@frozen
@usableFromInline
struct KeptSumVector<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: KeptSum
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ body: KeptSum, _ channel: Int) {
    self.body = body
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    var even = L.splat(0)
    var odd = L.splat(0)
    var x = body.x + channel
    var kept = body.kept.base + channel * E.size
    let step = body.stride * E.size
    for _ in 0..<body.rows / 2 {
      E.store(L.load(x), kept, L.self)
      even = L.add(even, E.load(kept, L.self))
      E.store(L.load(x + body.stride), kept + step, L.self)
      odd = L.add(odd, E.load(kept + step, L.self))
      x += 2 * body.stride
      kept += 2 * step
    }
    if body.rows % 2 == 1 {
      E.store(L.load(x), kept, L.self)
      even = L.add(even, E.load(kept, L.self))
    }
    L.store(L.multiply(L.add(even, odd), L.splat(body.factor)), body.out + channel)
  }
}

/// out = Σ over rows of (z − mean)², per channel.
@frozen
public struct ChannelSquares: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var z: KeptMap
  public var zStride: Int
  public var mean: UnsafePointer<Float>
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, z: KeptMap, zStride: Int, mean: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.z = z
    self.zStride = zStride
    self.mean = mean
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    z.accept(ChannelSquaresVector<L>(self, channel))
  }
}

/// One vector of channels of `ChannelSquares`.
@frozen
@usableFromInline
struct ChannelSquaresVector<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: ChannelSquares
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ body: ChannelSquares, _ channel: Int) {
    self.body = body
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    let center = L.load(body.mean + channel)
    var even = L.splat(0)
    var odd = L.splat(0)
    var z = body.z.base + channel * E.size
    let step = body.zStride * E.size
    for _ in 0..<body.rows / 2 {
      let first = L.subtract(E.load(z, L.self), center)
      let second = L.subtract(E.load(z + step, L.self), center)
      even = L.multiplyAdd(first, first, even)
      odd = L.multiplyAdd(second, second, odd)
      z += 2 * step
    }
    if body.rows % 2 == 1 {
      let last = L.subtract(E.load(z, L.self), center)
      even = L.multiplyAdd(last, last, even)
    }
    L.store(L.add(even, odd), body.out + channel)
  }
}

/// out = Σ over rows of x · y, per channel.
@frozen
public struct ChannelProducts: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var y: UnsafePointer<Float>
  public var yStride: Int
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int, y: UnsafePointer<Float>,
    yStride: Int, out: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.y = y
    self.yStride = yStride
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    var even = L.splat(0)
    var odd = L.splat(0)
    var x = x + channel
    var y = y + channel
    for _ in 0..<rows / 2 {
      even = L.multiplyAdd(L.load(x), L.load(y), even)
      odd = L.multiplyAdd(L.load(x + xStride), L.load(y + yStride), odd)
      x += 2 * xStride
      y += 2 * yStride
    }
    if rows % 2 == 1 { even = L.multiplyAdd(L.load(x), L.load(y), even) }
    L.store(L.add(even, odd), out + channel)
  }
}

/// out = x · factor (+ offset), per channel.
@frozen
public struct ChannelScale: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var factor: UnsafePointer<Float>
  public var offset: UnsafePointer<Float>?
  /// May be the memory of `x`.
  public var out: UnsafeMutablePointer<Float>
  public var outStride: Int

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int,
    factor: UnsafePointer<Float>, offset: UnsafePointer<Float>?,
    out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.factor = factor
    self.offset = offset
    self.out = out
    self.outStride = outStride
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let factor = L.load(factor + channel)
    var x = x + channel
    var out = out + channel
    guard let offset = offset.map({ L.load($0 + channel) }) else {
      for _ in 0..<rows {
        L.store(L.multiply(L.load(x), factor), out)
        x += xStride
        out += outStride
      }
      return
    }
    for _ in 0..<rows {
      L.store(L.multiplyAdd(L.load(x), factor, offset), out)
      x += xStride
      out += outStride
    }
  }
}

/// out = a · g + b · z + c, per channel: batch norm's gradient.
@frozen
public struct LinearCombination: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  /// Kept as `z` is.
  public var g: KeptMap
  public var gStride: Int
  public var z: KeptMap
  public var zStride: Int
  public var a: UnsafePointer<Float>
  public var b: UnsafePointer<Float>
  public var c: UnsafePointer<Float>
  /// May be the memory of `g` or `z`.
  public var out: UnsafeMutablePointer<Float>
  public var outStride: Int

  @inlinable
  public init(
    rows: Int, channels: Int, g: KeptMap, gStride: Int, z: KeptMap, zStride: Int,
    a: UnsafePointer<Float>, b: UnsafePointer<Float>, c: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.rows = rows
    self.channels = channels
    self.g = g
    self.gStride = gStride
    self.z = z
    self.zStride = zStride
    self.a = a
    self.b = b
    self.c = c
    self.out = out
    self.outStride = outStride
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    z.accept(LinearCombinationVector<L>(self, channel))
  }
}

/// One vector of channels of `LinearCombination`.
@frozen
@usableFromInline
struct LinearCombinationVector<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: LinearCombination
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ body: LinearCombination, _ channel: Int) {
    self.body = body
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    let a = L.load(body.a + channel)
    let b = L.load(body.b + channel)
    let c = L.load(body.c + channel)
    var g = body.g.base + channel * E.size
    var z = body.z.base + channel * E.size
    var out = body.out + channel
    for _ in 0..<body.rows {
      let sum = L.multiplyAdd(b, E.load(z, L.self), c)
      L.store(L.multiplyAdd(a, E.load(g, L.self), sum), out)
      g += body.gStride * E.size
      z += body.zStride * E.size
      out += body.outStride
    }
  }
}
