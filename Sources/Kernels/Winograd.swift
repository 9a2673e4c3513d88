// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Six vectors: a row or a column of a Winograd tile.
@frozen
public struct Six<L: Lanes> {
  @usableFromInline var v0, v1, v2, v3, v4, v5: L.Vector

  /// Reads six vectors, `stride` floats apart.
  @inlinable @inline(__always)
  init(_ pointer: UnsafePointer<Float>, stride: Int) {
    v0 = L.load(pointer)
    v1 = L.load(pointer + stride)
    v2 = L.load(pointer + 2 * stride)
    v3 = L.load(pointer + 3 * stride)
    v4 = L.load(pointer + 4 * stride)
    v5 = L.load(pointer + 5 * stride)
  }

  /// Writes Bᵀ · self, `stride` floats apart.
  @inlinable @inline(__always)
  func storeInputTransform(_ out: UnsafeMutablePointer<Float>, stride: Int) {
    let a = L.multiplyAdd(L.splat(-4), v2, v4)
    let b = L.multiplyAdd(L.splat(-4), v1, v3)
    let c = L.subtract(v4, v2)
    let d = L.subtract(v3, v1)
    L.store(L.multiplyAdd(L.splat(-5), v2, L.multiplyAdd(L.splat(4), v0, v4)), out)
    L.store(L.add(a, b), out + stride)
    L.store(L.subtract(a, b), out + 2 * stride)
    L.store(L.multiplyAdd(L.splat(2), d, c), out + 3 * stride)
    L.store(L.multiplyAdd(L.splat(-2), d, c), out + 4 * stride)
    L.store(L.multiplyAdd(L.splat(-5), v3, L.multiplyAdd(L.splat(4), v1, v5)), out + 5 * stride)
  }

  /// Aᵀ · self: four vectors.
  @inlinable @inline(__always)
  var outputTransform: (L.Vector, L.Vector, L.Vector, L.Vector) {
    let sum = L.add(v1, v2)
    let difference = L.subtract(v1, v2)
    let farSum = L.add(v3, v4)
    let farDifference = L.subtract(v3, v4)
    return (
      L.add(L.add(v0, sum), farSum),
      L.multiplyAdd(L.splat(2), farDifference, difference),
      L.multiplyAdd(L.splat(4), farSum, sum),
      L.add(L.multiplyAdd(L.splat(8), farDifference, difference), v5)
    )
  }
}

/// One tile's input transform Bᵀ d B of F(4×4, 3×3) (Lavin & Gray 2016, arXiv 1509.09308).
@frozen
public struct WinogradInput: ChannelBody {
  /// A multiple of 8.
  public var channels: Int
  /// The 6 × 6 input positions.
  public var x: UnsafePointer<Float>
  public var rowStride: Int
  public var positionStride: Int
  /// Element (0, 0) of the tile; the 36 elements are `elementStride` apart.
  public var out: UnsafeMutablePointer<Float>
  public var elementStride: Int
  /// 36 vectors of scratch memory.
  public var scratch: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    channels: Int, x: UnsafePointer<Float>, rowStride: Int, positionStride: Int,
    out: UnsafeMutablePointer<Float>, elementStride: Int, scratch: UnsafeMutablePointer<Float>
  ) {
    self.channels = channels
    self.x = x
    self.rowStride = rowStride
    self.positionStride = positionStride
    self.out = out
    self.elementStride = elementStride
    self.scratch = scratch
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    for column in 0..<6 {
      Six<L>(x + column * positionStride + channel, stride: rowStride)
        .storeInputTransform(scratch + column * L.count, stride: 6 * L.count)
    }
    for row in 0..<6 {
      Six<L>(scratch + row * 6 * L.count, stride: L.count)
        .storeInputTransform(out + row * 6 * elementStride + channel, stride: elementStride)
    }
  }
}

/// One tile's output transform Aᵀ m A of F(4×4, 3×3), with bias, nonlinearity and residual.
@frozen
public struct WinogradOutput: ChannelBody {
  /// A multiple of 8.
  public var channels: Int
  /// Element (0, 0) of the tile's products; the 36 are `elementStride` apart.
  public var products: UnsafePointer<Float>
  public var elementStride: Int
  /// The tile's first output position.
  public var out: UnsafeMutablePointer<Float>
  public var rowStride: Int
  public var positionStride: Int
  /// Output rows and columns that lie in the image, 1 to 4.
  public var rows: Int
  public var columns: Int
  public var bias: UnsafePointer<Float>
  /// Laid out like `out`.
  public var residual: UnsafePointer<Float>?
  public var nonlinearity: Nonlinearity
  /// 24 vectors of scratch memory.
  public var scratch: UnsafeMutablePointer<Float>

  @inlinable
  public init(
    channels: Int, products: UnsafePointer<Float>, elementStride: Int,
    out: UnsafeMutablePointer<Float>, rowStride: Int, positionStride: Int, rows: Int, columns: Int,
    bias: UnsafePointer<Float>, residual: UnsafePointer<Float>?, nonlinearity: Nonlinearity,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.channels = channels
    self.products = products
    self.elementStride = elementStride
    self.out = out
    self.rowStride = rowStride
    self.positionStride = positionStride
    self.rows = rows
    self.columns = columns
    self.bias = bias
    self.residual = residual
    self.nonlinearity = nonlinearity
    self.scratch = scratch
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_ channel: Int, _: L.Type) {
    for column in 0..<6 {
      let (a, b, c, d) = Six<L>(
        products + column * elementStride + channel, stride: 6 * elementStride
      ).outputTransform
      L.store(a, scratch + column * L.count)
      L.store(b, scratch + (6 + column) * L.count)
      L.store(c, scratch + (12 + column) * L.count)
      L.store(d, scratch + (18 + column) * L.count)
    }
    switch nonlinearity {
    case .identity: finish(Identity.self, channel, L.self)
    case .relu: finish(ReLU.self, channel, L.self)
    case .relu6: finish(ReLU6.self, channel, L.self)
    case .hardSwish: finish(HardSwish.self, channel, L.self)
    case .hardSigmoid: finish(HardSigmoid.self, channel, L.self)
    case .silu: finish(SiLU.self, channel, L.self)
    case .sigmoid: finish(Sigmoid.self, channel, L.self)
    }
  }

  @inlinable @inline(__always)
  func finish<F: NonlinearityFunction, L: Lanes>(_: F.Type, _ channel: Int, _: L.Type) {
    let shift = L.load(bias + channel)
    for row in 0..<rows {
      let (a, b, c, d) = Six<L>(scratch + row * 6 * L.count, stride: L.count).outputTransform
      let place = row * rowStride + channel
      store(F.apply(L.add(a, shift), L.self), place, L.self)
      if columns > 1 { store(F.apply(L.add(b, shift), L.self), place + positionStride, L.self) }
      if columns > 2 { store(F.apply(L.add(c, shift), L.self), place + 2 * positionStride, L.self) }
      if columns > 3 { store(F.apply(L.add(d, shift), L.self), place + 3 * positionStride, L.self) }
    }
  }

  @inlinable @inline(__always)
  func store<L: Lanes>(_ value: L.Vector, _ place: Int, _: L.Type) {
    guard let residual else { return L.store(value, out + place) }
    L.store(L.add(value, L.load(residual + place)), out + place)
  }
}
