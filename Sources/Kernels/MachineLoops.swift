// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// Multiply-adds in registers only: the upper bound for every kernel.
@frozen
public struct RegisterLoop {
  /// Rounds of `chains` vectors each.
  public var rounds: Int
  /// Two factors, which the compiler must not know, and space for the result 16 floats further on.
  public var values: UnsafeMutablePointer<Float>

  /// Independent chains: latency times throughput of today's processors is 8 to 10.
  @inlinable @inline(__always)
  public static var chains: Int { 12 }

  @inlinable
  public init(rounds: Int, values: UnsafeMutablePointer<Float>) {
    self.rounds = rounds
    self.values = values
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_: L.Type) {
    let x = L.splat(values[0])
    let y = L.splat(values[1])
    var (a, b, c, d) = (x, x, x, x)
    var (e, f, g, h) = (x, x, x, x)
    var (i, j, k, l) = (x, x, x, x)
    for _ in 0..<rounds {
      a = L.multiplyAdd(a, x, y)
      b = L.multiplyAdd(b, x, y)
      c = L.multiplyAdd(c, x, y)
      d = L.multiplyAdd(d, x, y)
      e = L.multiplyAdd(e, x, y)
      f = L.multiplyAdd(f, x, y)
      g = L.multiplyAdd(g, x, y)
      h = L.multiplyAdd(h, x, y)
      i = L.multiplyAdd(i, x, y)
      j = L.multiplyAdd(j, x, y)
      k = L.multiplyAdd(k, x, y)
      l = L.multiplyAdd(l, x, y)
    }
    let first = L.add(L.add(a, b), L.add(c, d))
    let second = L.add(L.add(e, f), L.add(g, h))
    let third = L.add(L.add(i, j), L.add(k, l))
    L.store(L.add(L.add(first, second), third), values + 16)
  }
}

/// A sum over memory, read once from start to end.
@frozen
public struct StreamLoop {
  /// A multiple of 128.
  public var count: Int
  public var x: UnsafePointer<Float>
  public var result: UnsafeMutablePointer<Float>

  @inlinable
  public init(count: Int, x: UnsafePointer<Float>, result: UnsafeMutablePointer<Float>) {
    self.count = count
    self.x = x
    self.result = result
  }

  @inlinable @inline(__always)
  public func run<L: Lanes>(_: L.Type) {
    var pointer = x
    let end = x + count
    var (a, b, c, d) = (L.splat(0), L.splat(0), L.splat(0), L.splat(0))
    var (e, f, g, h) = (a, a, a, a)
    while pointer < end {
      a = L.add(a, L.load(pointer))
      b = L.add(b, L.load(pointer + L.count))
      c = L.add(c, L.load(pointer + 2 &* L.count))
      d = L.add(d, L.load(pointer + 3 &* L.count))
      e = L.add(e, L.load(pointer + 4 &* L.count))
      f = L.add(f, L.load(pointer + 5 &* L.count))
      g = L.add(g, L.load(pointer + 6 &* L.count))
      h = L.add(h, L.load(pointer + 7 &* L.count))
      pointer += 8 &* L.count
    }
    L.store(
      L.add(L.add(L.add(a, b), L.add(c, d)), L.add(L.add(e, f), L.add(g, h))), result)
  }
}
