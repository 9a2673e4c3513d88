// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// How a 3×3 convolution is cut into Winograd tiles: F(m×m, 3×3) of Lavin & Gray (2016, arXiv
/// 1509.09308), and its counterpart for stride 2.
@frozen
public enum WinogradVariant: Sendable, CaseIterable {
  /// F(4×4, 3×3): 36 multiplications instead of 144.
  case four
  /// F(6×6, 3×3): 64 multiplications instead of 324.
  case six
  /// Stride 2, 4 × 4 outputs: 81 multiplications instead of 144.
  ///
  /// Even and odd inputs are treated separately. The outer taps apply only to the even ones, which
  /// is F(4, 2) with five multiplications instead of eight; the middle tap applies to the odd ones,
  /// with four.
  case fourStrided

  /// Rows and columns of outputs.
  @inlinable
  public var outputs: Int {
    switch self {
    case .four, .fourStrided: 4
    case .six: 6
    }
  }

  /// Rows and columns of inputs, and of multiplications.
  @inlinable
  public var inputs: Int {
    switch self {
    case .four: 6
    case .six: 8
    case .fourStrided: 9
    }
  }

  /// The convolution's stride.
  @inlinable
  public var stride: Int {
    switch self {
    case .four, .six: 1
    case .fourStrided: 2
    }
  }
}

/// Where a transform writes its vectors.
public protocol VectorSink {
  associatedtype L: Lanes
  /// Takes vector `index`, a constant.
  func put(_ index: Int, _ vector: L.Vector)
}

/// A one-dimensional transform, applied to the columns of a square, then to its rows.
@usableFromInline
protocol TileTransform {
  static var inputs: Int { get }
  static var outputs: Int { get }
  /// Transforms `inputs` vectors at `x`, `stride` floats apart.
  static func apply<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S)
}

/// The one-dimensional transforms of a variant, applied to the columns of a tile, then its rows.
public protocol WinogradTile {
  /// m + 2, or 2 m + 1.
  static var inputs: Int { get }
  /// Bᵀ · (`inputs` vectors at `x`, `stride` floats apart).
  static func input<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S)
  /// Aᵀ · (`inputs` vectors at `x`, `stride` floats apart): m vectors.
  static func output<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S)
}

/// F(4, 3), interpolated at 0, ±1, ±2 and ∞.
@frozen
public enum FourOutputs: WinogradTile {
  @inlinable @inline(__always)
  public static var inputs: Int { 6 }

  @inlinable @inline(__always)
  public static func input<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v0 = L.load(x)
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let v4 = L.load(x + 4 * stride)
    let v5 = L.load(x + 5 * stride)
    let a = L.multiplyAdd(L.splat(-4), v2, v4)
    let b = L.multiplyAdd(L.splat(-4), v1, v3)
    let c = L.subtract(v4, v2)
    let d = L.subtract(v3, v1)
    sink.put(0, L.multiplyAdd(L.splat(-5), v2, L.multiplyAdd(L.splat(4), v0, v4)))
    sink.put(1, L.add(a, b))
    sink.put(2, L.subtract(a, b))
    sink.put(3, L.multiplyAdd(L.splat(2), d, c))
    sink.put(4, L.multiplyAdd(L.splat(-2), d, c))
    sink.put(5, L.multiplyAdd(L.splat(-5), v3, L.multiplyAdd(L.splat(4), v1, v5)))
  }

  @inlinable @inline(__always)
  public static func output<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let v4 = L.load(x + 4 * stride)
    let sum = L.add(v1, v2)
    let difference = L.subtract(v1, v2)
    let farSum = L.add(v3, v4)
    let farDifference = L.subtract(v3, v4)
    sink.put(0, L.add(L.add(L.load(x), sum), farSum))
    sink.put(1, L.multiplyAdd(L.splat(2), farDifference, difference))
    sink.put(2, L.multiplyAdd(L.splat(4), farSum, sum))
    sink.put(
      3,
      L.add(
        L.multiplyAdd(L.splat(8), farDifference, difference), L.load(x + 5 * stride)))
  }
}

/// F(6, 3), interpolated at 0, ±1, ±2, ±½ and ∞.
@frozen
public enum SixOutputs: WinogradTile {
  @inlinable @inline(__always)
  public static var inputs: Int { 8 }

  @inlinable @inline(__always)
  public static func input<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let v4 = L.load(x + 4 * stride)
    let v5 = L.load(x + 5 * stride)
    let v6 = L.load(x + 6 * stride)
    sink.put(
      0, L.multiplyAdd(L.splat(5.25), L.subtract(v4, v2), L.subtract(L.load(x), v6)))
    let a = L.multiplyAdd(L.splat(-4.25), v4, L.add(v2, v6))
    let b = L.multiplyAdd(L.splat(-4.25), v3, L.add(v1, v5))
    sink.put(1, L.add(a, b))
    sink.put(2, L.subtract(a, b))
    let c = L.multiplyAdd(L.splat(-1.25), v4, L.multiplyAdd(L.splat(0.25), v2, v6))
    let d = L.multiplyAdd(
      L.splat(2), v5, L.multiplyAdd(L.splat(-2.5), v3, L.multiply(L.splat(0.5), v1)))
    sink.put(3, L.add(c, d))
    sink.put(4, L.subtract(c, d))
    let e = L.multiplyAdd(L.splat(-5), v4, L.multiplyAdd(L.splat(4), v2, v6))
    let f = L.multiplyAdd(
      L.splat(2), v1, L.multiplyAdd(L.splat(-2.5), v3, L.multiply(L.splat(0.5), v5)))
    sink.put(5, L.add(e, f))
    sink.put(6, L.subtract(e, f))
    sink.put(
      7,
      L.multiplyAdd(
        L.splat(5.25), L.subtract(v3, v5), L.subtract(L.load(x + 7 * stride), v1)))
  }

  @inlinable @inline(__always)
  public static func output<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let v4 = L.load(x + 4 * stride)
    let v5 = L.load(x + 5 * stride)
    let v6 = L.load(x + 6 * stride)
    let sum = L.add(v1, v2)
    let difference = L.subtract(v1, v2)
    let farSum = L.add(v3, v4)
    let farDifference = L.subtract(v3, v4)
    let nearSum = L.add(v5, v6)
    let nearDifference = L.subtract(v5, v6)
    sink.put(0, L.add(L.add(L.load(x), sum), L.add(farSum, nearSum)))
    sink.put(
      1,
      L.multiplyAdd(
        L.splat(0.5), nearDifference, L.multiplyAdd(L.splat(2), farDifference, difference)))
    sink.put(
      2, L.multiplyAdd(L.splat(0.25), nearSum, L.multiplyAdd(L.splat(4), farSum, sum)))
    sink.put(
      3,
      L.multiplyAdd(
        L.splat(0.125), nearDifference, L.multiplyAdd(L.splat(8), farDifference, difference)))
    sink.put(
      4, L.multiplyAdd(L.splat(0.0625), nearSum, L.multiplyAdd(L.splat(16), farSum, sum)))
    sink.put(
      5,
      L.add(
        L.multiplyAdd(
          L.splat(0.03125), nearDifference, L.multiplyAdd(L.splat(32), farDifference, difference)),
        L.load(x + 7 * stride)))
  }
}

/// F(4, 2) of the even inputs, interpolated at 0, ±1, 2 and ∞, then the odd inputs as they are.
@frozen
public enum FourStridedOutputs: WinogradTile {
  @inlinable @inline(__always)
  public static var inputs: Int { 9 }

  @inlinable @inline(__always)
  public static func input<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v0 = L.load(x)
    let v1 = L.load(x + 2 * stride)
    let v2 = L.load(x + 4 * stride)
    let v3 = L.load(x + 6 * stride)
    let v4 = L.load(x + 8 * stride)
    let d = L.subtract(v3, v1)
    sink.put(0, L.multiplyAdd(L.splat(2), L.subtract(v0, v2), d))
    sink.put(1, L.multiplyAdd(L.splat(-2), v1, L.subtract(v3, v2)))
    sink.put(2, L.multiplyAdd(L.splat(2), v1, L.multiplyAdd(L.splat(-3), v2, v3)))
    sink.put(3, d)
    sink.put(4, L.multiplyAdd(L.splat(-2), d, L.subtract(v4, v2)))
    sink.put(5, L.load(x + stride))
    sink.put(6, L.load(x + 3 * stride))
    sink.put(7, L.load(x + 5 * stride))
    sink.put(8, L.load(x + 7 * stride))
  }

  @inlinable @inline(__always)
  public static func output<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let sum = L.add(v1, v2)
    let difference = L.subtract(v1, v2)
    sink.put(0, L.add(L.add(L.load(x), L.load(x + 5 * stride)), L.add(sum, v3)))
    sink.put(1, L.add(L.multiplyAdd(L.splat(2), v3, difference), L.load(x + 6 * stride)))
    sink.put(2, L.add(L.multiplyAdd(L.splat(4), v3, sum), L.load(x + 7 * stride)))
    sink.put(
      3,
      L.add(
        L.multiplyAdd(L.splat(8), v3, difference),
        L.add(L.load(x + 4 * stride), L.load(x + 8 * stride))))
  }
}
