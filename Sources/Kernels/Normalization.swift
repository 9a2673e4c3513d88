// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

// Batch norm in training. Its forward pass is u = scale · z + shift with scale = γ / σ and
// shift = β − scale · mean, from the batch's mean and variance; its backward pass needs two sums per
// channel and is then linear in the gradient and z (Ioffe and Szegedy 2015, arXiv 1502.03167, section
// 3). Strides are in floats; sums have two chains of additions, because a single one is bound by its
// latency, joined in a fixed order.

/// out = Σ over rows of (x − mean)², per channel.
@frozen
public struct ChannelSquares: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var x: UnsafePointer<Float>
  public var xStride: Int
  public var mean: UnsafePointer<Float>
  public var out: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, x: UnsafePointer<Float>, xStride: Int, mean: UnsafePointer<Float>,
    out: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.x = x
    self.xStride = xStride
    self.mean = mean
    self.out = out
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let center = L.load(mean + channel)
    var even = L.splat(0)
    var odd = L.splat(0)
    var pointer = x + channel
    for _ in 0..<rows / 2 {
      let first = L.subtract(L.load(pointer), center)
      let second = L.subtract(L.load(pointer + xStride), center)
      even = L.multiplyAdd(first, first, even)
      odd = L.multiplyAdd(second, second, odd)
      pointer += 2 * xStride
    }
    if rows % 2 == 1 {
      let last = L.subtract(L.load(pointer), center)
      even = L.multiplyAdd(last, last, even)
    }
    L.store(L.add(even, odd), out + channel)
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
  public var g: UnsafePointer<Float>
  public var gStride: Int
  public var z: UnsafePointer<Float>
  public var zStride: Int
  public var a: UnsafePointer<Float>
  public var b: UnsafePointer<Float>
  public var c: UnsafePointer<Float>
  /// May be the memory of `g` or `z`.
  public var out: UnsafeMutablePointer<Float>
  public var outStride: Int

  @inlinable
  public init(
    rows: Int, channels: Int, g: UnsafePointer<Float>, gStride: Int, z: UnsafePointer<Float>,
    zStride: Int, a: UnsafePointer<Float>, b: UnsafePointer<Float>, c: UnsafePointer<Float>,
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
    let a = L.load(a + channel)
    let b = L.load(b + channel)
    let c = L.load(c + channel)
    var g = g + channel
    var z = z + channel
    var out = out + channel
    for _ in 0..<rows {
      L.store(L.multiplyAdd(a, L.load(g), L.multiplyAdd(b, L.load(z), c)), out)
      g += gStride
      z += zStride
      out += outStride
    }
  }
}
