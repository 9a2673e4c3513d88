// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

// Batch norm in training. Its forward pass is u = scale · z + shift with scale = γ / σ and
// shift = β − scale · mean, from the batch's mean and variance; its backward pass needs two sums per
// channel and is then linear in the gradient and z (Ioffe and Szegedy 2015, arXiv 1502.03167, section
// 3). Strides are in floats; sums have two chains of additions, because a single one is bound by its
// latency, joined in a fixed order. Work without sums goes row by row, because memory delivers
// consecutive addresses fastest.

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
public struct ChannelScale {
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

  /// Scales row by row.
  @inlinable @inline(__always)
  public func run<L: Lanes>(_: L.Type) {
    for row in 0..<rows { forEachPair(of: channels, L.self, ChannelScaleRow(self, row)) }
  }
}

/// One row of `ChannelScale`.
@frozen
@usableFromInline
struct ChannelScaleRow: ChannelBody {
  @usableFromInline let factor: UnsafePointer<Float>
  @usableFromInline let offset: UnsafePointer<Float>?
  @usableFromInline let x: UnsafePointer<Float>
  @usableFromInline let out: UnsafeMutablePointer<Float>

  @inlinable @inline(__always)
  init(_ body: ChannelScale, _ row: Int) {
    (factor, offset) = (body.factor, body.offset)
    x = body.x + row * body.xStride
    out = body.out + row * body.outStride
  }

  @inlinable @inline(__always)
  func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let (x, factor) = (L.load(x + channel), L.load(factor + channel))
    if let offset {
      L.store(L.multiplyAdd(x, factor, L.load(offset + channel)), out + channel)
    } else {
      L.store(L.multiply(x, factor), out + channel)
    }
  }
}

/// out = a · g + b · z + c, per channel: batch norm's gradient.
@frozen
public struct LinearCombination {
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

  /// Combines row by row.
  @inlinable @inline(__always)
  public func run<L: Lanes>(_: L.Type) { z.accept(LinearCombinationRows<L>(self)) }
}

/// The rows of `LinearCombination`.
@frozen
@usableFromInline
struct LinearCombinationRows<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: LinearCombination

  @inlinable @inline(__always)
  init(_ body: LinearCombination) { self.body = body }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    for row in 0..<body.rows {
      forEachPair(of: body.channels, L.self, LinearCombinationRow<E>(body, row))
    }
  }
}

/// One row of `LinearCombination`.
@frozen
@usableFromInline
struct LinearCombinationRow<E: KeptElement>: ChannelBody {
  @usableFromInline let a: UnsafePointer<Float>
  @usableFromInline let b: UnsafePointer<Float>
  @usableFromInline let c: UnsafePointer<Float>
  @usableFromInline let g: UnsafeRawPointer
  @usableFromInline let z: UnsafeRawPointer
  @usableFromInline let out: UnsafeMutablePointer<Float>

  @inlinable @inline(__always)
  init(_ body: LinearCombination, _ row: Int) {
    (a, b, c) = (body.a, body.b, body.c)
    g = UnsafeRawPointer(body.g.base + row * body.gStride * E.size)
    z = UnsafeRawPointer(body.z.base + row * body.zStride * E.size)
    out = body.out + row * body.outStride
  }

  @inlinable @inline(__always)
  func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let z = E.load(z + channel * E.size, L.self)
    let g = E.load(g + channel * E.size, L.self)
    let sum = L.multiplyAdd(L.load(b + channel), z, L.load(c + channel))
    L.store(L.multiplyAdd(L.load(a + channel), g, sum), out + channel)
  }
}
