// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// out = nonlinearity(scale · z + shift) (+ residual): batch norm and activation.
@frozen
public struct Normalize {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var z: KeptMap
  public var zStride: Int
  public var scale: UnsafePointer<Float>
  public var shift: UnsafePointer<Float>
  public var nonlinearity: Nonlinearity
  public var residual: UnsafePointer<Float>?
  public var residualStride: Int
  /// May be the memory of `z` or `residual`.
  public var out: UnsafeMutablePointer<Float>
  public var outStride: Int

  @inlinable
  public init(
    rows: Int, channels: Int, z: KeptMap, zStride: Int, scale: UnsafePointer<Float>,
    shift: UnsafePointer<Float>, nonlinearity: Nonlinearity, residual: UnsafePointer<Float>?,
    residualStride: Int, out: UnsafeMutablePointer<Float>, outStride: Int
  ) {
    self.rows = rows
    self.channels = channels
    self.z = z
    self.zStride = zStride
    self.scale = scale
    self.shift = shift
    self.nonlinearity = nonlinearity
    self.residual = residual
    self.residualStride = residualStride
    self.out = out
    self.outStride = outStride
  }

  /// Normalizes row by row.
  @inlinable @inline(__always)
  public func run<L: Lanes>(_: L.Type) { z.accept(NormalizeElements<L>(self)) }
}

/// `Normalize` before its nonlinearity is known.
@frozen
@usableFromInline
struct NormalizeElements<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: Normalize

  @inlinable @inline(__always)
  init(_ body: Normalize) { self.body = body }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    body.nonlinearity.accept(NormalizeRows<L, E>(body))
  }
}

/// The rows of `Normalize`.
@frozen
@usableFromInline
struct NormalizeRows<L: Lanes, E: KeptElement>: NonlinearityVisitor {
  @usableFromInline let body: Normalize

  @inlinable @inline(__always)
  init(_ body: Normalize) { self.body = body }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    for row in 0..<body.rows {
      forEachPair(of: body.channels, L.self, NormalizeRow<E, F>(body, row))
    }
  }
}

/// One row of `Normalize`.
@frozen
@usableFromInline
struct NormalizeRow<E: KeptElement, F: NonlinearityFunction>: ChannelBody {
  @usableFromInline let scale: UnsafePointer<Float>
  @usableFromInline let shift: UnsafePointer<Float>
  @usableFromInline let z: UnsafeRawPointer
  @usableFromInline let residual: UnsafePointer<Float>?
  @usableFromInline let out: UnsafeMutablePointer<Float>

  @inlinable @inline(__always)
  init(_ body: Normalize, _ row: Int) {
    (scale, shift) = (body.scale, body.shift)
    z = UnsafeRawPointer(body.z.base + row * body.zStride * E.size)
    residual = body.residual.map { $0 + row * body.residualStride }
    out = body.out + row * body.outStride
  }

  @inlinable @inline(__always)
  func run<L: Lanes>(_ channel: Int, _: L.Type) {
    let place = z + channel * E.size
    // A page ahead, because the processor's own prefetching stops at the end of a page.
    clanes_prefetch((place + 4096).assumingMemoryBound(to: Float.self))
    let z = E.load(place, L.self)
    let u = L.multiplyAdd(L.load(scale + channel), z, L.load(shift + channel))
    var value = F.apply(u, L.self)
    if let residual { value = L.add(value, L.load(residual + channel)) }
    L.store(value, out + channel)
  }
}

/// The gradient of batch norm's output u from that of the activation, with the sums that batch norm's
/// own gradient needs.
///
/// out = g = gradient · nonlinearity′(scale · z + shift), and per channel sums = Σ over rows of g and
/// products = Σ over rows of g · (z − mean), with g as it is kept.
@frozen
public struct NormalizeGradient: ChannelBody {
  public var rows: Int
  /// A multiple of 8.
  public var channels: Int
  public var gradient: UnsafePointer<Float>
  public var gradientStride: Int
  public var z: KeptMap
  public var zStride: Int
  public var scale: UnsafePointer<Float>
  public var shift: UnsafePointer<Float>
  public var mean: UnsafePointer<Float>
  public var nonlinearity: Nonlinearity
  /// Kept as `z` is; may be its memory or, as f32, that of `gradient`.
  public var out: KeptMap
  public var outStride: Int
  public var sums: UnsafeMutablePointer<Float>
  public var products: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    rows: Int, channels: Int, gradient: UnsafePointer<Float>, gradientStride: Int,
    z: KeptMap, zStride: Int, scale: UnsafePointer<Float>,
    shift: UnsafePointer<Float>, mean: UnsafePointer<Float>, nonlinearity: Nonlinearity,
    out: KeptMap, outStride: Int, sums: UnsafeMutablePointer<Float>,
    products: UnsafeMutablePointer<Float>
  ) {
    self.rows = rows
    self.channels = channels
    self.gradient = gradient
    self.gradientStride = gradientStride
    self.z = z
    self.zStride = zStride
    self.scale = scale
    self.shift = shift
    self.mean = mean
    self.nonlinearity = nonlinearity
    self.out = out
    self.outStride = outStride
    self.sums = sums
    self.products = products
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    z.accept(NormalizeGradientElements<L>(self, channel))
  }
}

/// One vector of channels of `NormalizeGradient`, before its nonlinearity is known.
@frozen
@usableFromInline
struct NormalizeGradientElements<L: Lanes>: KeptMapVisitor {
  @usableFromInline let body: NormalizeGradient
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ body: NormalizeGradient, _ channel: Int) {
    self.body = body
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<E: KeptElement>(_: E.Type) {
    body.nonlinearity.accept(NormalizeGradientVector<L, E>(body, channel))
  }
}

/// One vector of channels of `NormalizeGradient`.
@frozen
@usableFromInline
struct NormalizeGradientVector<L: Lanes, E: KeptElement>: NonlinearityVisitor {
  @usableFromInline let body: NormalizeGradient
  @usableFromInline let channel: Int

  @inlinable @inline(__always)
  init(_ body: NormalizeGradient, _ channel: Int) {
    self.body = body
    self.channel = channel
  }

  @inlinable @inline(__always)
  func visit<F: NonlinearityFunction>(_: F.Type) {
    let scale = L.load(body.scale + channel)
    let shift = L.load(body.shift + channel)
    let mean = L.load(body.mean + channel)
    var gradient = body.gradient + channel
    var z = UnsafeRawPointer(body.z.base + channel * E.size)
    var out = body.out.base + channel * E.size
    let (zStep, outStep) = (body.zStride * E.size, body.outStride * E.size)
    var evenSum = L.splat(0)
    var oddSum = L.splat(0)
    var evenProduct = L.splat(0)
    var oddProduct = L.splat(0)
    for _ in 0..<body.rows / 2 {
      let first = E.load(z, L.self)
      let firstSlope = F.derivative(L.multiplyAdd(scale, first, shift), L.self)
      E.store(L.multiply(L.load(gradient), firstSlope), out, L.self)
      let firstGradient = E.load(out, L.self)
      evenSum = L.add(evenSum, firstGradient)
      evenProduct = L.multiplyAdd(firstGradient, L.subtract(first, mean), evenProduct)

      let second = E.load(z + zStep, L.self)
      let secondSlope = F.derivative(L.multiplyAdd(scale, second, shift), L.self)
      E.store(
        L.multiply(L.load(gradient + body.gradientStride), secondSlope), out + outStep, L.self)
      let secondGradient = E.load(out + outStep, L.self)
      oddSum = L.add(oddSum, secondGradient)
      oddProduct = L.multiplyAdd(secondGradient, L.subtract(second, mean), oddProduct)

      gradient += 2 * body.gradientStride
      z += 2 * zStep
      out += 2 * outStep
    }
    if body.rows % 2 == 1 {
      let last = E.load(z, L.self)
      let slope = F.derivative(L.multiplyAdd(scale, last, shift), L.self)
      E.store(L.multiply(L.load(gradient), slope), out, L.self)
      let lastGradient = E.load(out, L.self)
      evenSum = L.add(evenSum, lastGradient)
      evenProduct = L.multiplyAdd(lastGradient, L.subtract(last, mean), evenProduct)
    }
    L.store(L.add(evenSum, oddSum), body.sums + channel)
    L.store(L.add(evenProduct, oddProduct), body.products + channel)
  }
}
