import Glibc

/// Random numbers computed from a key and a counter, with no state that could get lost.
///
/// A key is derived from a seed and a path of counters, such as (epoch, image, purpose); the same path
/// gives the same numbers in any order, on any thread and after any interruption. Keys are mixed by the
/// finaliser of SplitMix64 (Steele, Lea & Flood 2014).
package struct RandomKey: Hashable, Sendable {
  private let state: UInt64

  /// The root of all keys of a seed.
  package init(seed: UInt64) { state = Self.mix(seed &+ Self.increment) }

  private init(state: UInt64) { self.state = state }

  /// The key for `counter` below this one.
  package subscript(counter: Int) -> RandomKey {
    RandomKey(
      state: Self.mix(state ^ Self.mix(UInt64(bitPattern: Int64(counter)) &+ Self.increment)))
  }

  /// 64 random bits.
  package func bits(_ index: Int = 0) -> UInt64 {
    Self.mix(state &+ Self.increment &* (UInt64(bitPattern: Int64(index)) &+ 1))
  }

  /// A number from 0 to below 1, uniformly distributed.
  package func uniform(_ index: Int = 0) -> Double { Double(bits(index) >> 11) * 0x1p-53 }

  /// A normally distributed number with mean 0 and variance 1 (Box & Muller 1958).
  package func normal(_ index: Int = 0) -> Double {
    let radius = (-2 * log(1 - uniform(2 * index))).squareRoot()
    return radius * cos(2 * .pi * uniform(2 * index + 1))
  }

  /// A number from 0 to 1 with the distribution Beta(`alpha`, `alpha`).
  ///
  /// It is X / (X + Y) of two gamma variables, as logarithms: with a small `alpha`, both underflow.
  ///
  /// - Precondition: `alpha` is positive.
  package func beta(_ alpha: Double) -> Double {
    precondition(alpha > 0)
    return 1 / (1 + exp(self[1].logGamma(alpha) - self[0].logGamma(alpha)))
  }

  /// The logarithm of a number with the distribution Gamma(`shape`, 1).
  ///
  /// Marsaglia & Tsang 2000 for `shape` + 1, whose product with U^(1 / shape) has this shape.
  private func logGamma(_ shape: Double) -> Double {
    let d = shape + 2.0 / 3
    let c = 1 / (9 * d).squareRoot()
    var attempt = 0
    while true {
      let x = self[0].normal(attempt)
      let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
      let threshold = log(1 - self[1].uniform(attempt))
      if v > 0, threshold < x * x / 2 + d - d * v + d * log(v) {
        return log(d * v) + log(1 - self[2].uniform()) / shape
      }
      attempt += 1
    }
  }

  /// The numbers below `count` in random order (Fisher & Yates; Durstenfeld 1964).
  package func permutation(_ count: Int) -> [Int] {
    var order = Array(0..<count)
    for last in stride(from: count - 1, to: 0, by: -1) {
      // A number below 2⁵³ scaled to a few million is uniform to 1e-9.
      order.swapAt(last, Int(uniform(last) * Double(last + 1)))
    }
    return order
  }

  private static let increment: UInt64 = 0x9e37_79b9_7f4a_7c15

  private static func mix(_ value: UInt64) -> UInt64 {
    var z = value
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }
}
