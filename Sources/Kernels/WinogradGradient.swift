// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

// What F(4×4, 3×3) computes, y = Aᵀ [(G g Gᵀ) ⊙ V] A, is linear in g: with D = A dy Aᵀ, the gradient of
// G g Gᵀ is the sum of V ⊙ D over all tiles, and that of g is Gᵀ (Σ V ⊙ D) G.

/// D = A dy Aᵀ of a tile of 4×4.
@inlinable @inline(__always)
public func transformGradient<L: Lanes>(_ tile: WinogradInput, _: L.Type) {
  forEachVector(of: tile.channels, L.self, SquareTransform<GradientTransform>(tile: tile))
}

/// Gᵀ m G of a square of 6×6: 3×3.
@inlinable @inline(__always)
public func transformFilterGradient<L: Lanes>(_ square: WinogradInput, _: L.Type) {
  forEachVector(of: square.channels, L.self, SquareTransform<FilterGradientTransform>(tile: square))
}

/// A of F(4, 3).
@usableFromInline
enum GradientTransform: TileTransform {
  @inlinable @inline(__always)
  static var inputs: Int { 4 }

  @inlinable @inline(__always)
  static var outputs: Int { 6 }

  @inlinable @inline(__always)
  static func apply<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v0 = L.load(x)
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let even = L.add(v0, v2)
    let odd = L.add(v1, v3)
    let farEven = L.multiplyAdd(L.splat(4), v2, v0)
    let farOdd = L.multiplyAdd(L.splat(4), v3, v1)
    sink.put(0, v0)
    sink.put(1, L.add(even, odd))
    sink.put(2, L.subtract(even, odd))
    sink.put(3, L.multiplyAdd(L.splat(2), farOdd, farEven))
    sink.put(4, L.multiplyAdd(L.splat(-2), farOdd, farEven))
    sink.put(5, v3)
  }
}

/// Gᵀ of F(4, 3).
@usableFromInline
enum FilterGradientTransform: TileTransform {
  @inlinable @inline(__always)
  static var inputs: Int { 6 }

  @inlinable @inline(__always)
  static var outputs: Int { 3 }

  @inlinable @inline(__always)
  static func apply<S: VectorSink>(_ x: UnsafePointer<Float>, stride: Int, _ sink: S) {
    typealias L = S.L
    let v1 = L.load(x + stride)
    let v2 = L.load(x + 2 * stride)
    let v3 = L.load(x + 3 * stride)
    let v4 = L.load(x + 4 * stride)
    let near = L.multiply(L.splat(-1 / 6), L.add(v1, v2))
    let far = L.multiply(L.splat(1 / 6), L.add(v3, v4))
    let sum = L.multiplyAdd(L.splat(0.25), far, near)
    sink.put(0, L.multiplyAdd(L.splat(0.25), L.load(x), sum))
    let difference = L.multiply(L.splat(1 / 6), L.subtract(v2, v1))
    sink.put(1, L.multiplyAdd(L.splat(1 / 12), L.subtract(v3, v4), difference))
    sink.put(2, L.add(L.add(near, far), L.load(x + 5 * stride)))
  }
}
