/// How two sets of repeated measurements compare: their ratio, and where it may lie.
///
/// Nothing is assumed about the distributions: the ratio is the median of the ratios of all pairs
/// (Hodges & Lehmann 1963, on logarithms), its interval the one that belongs to the test of Mann and
/// Whitney (1947), with exact probabilities.
package struct RatioInterval: Equatable, Sendable {
  package let ratio: Double
  /// Holds the true ratio with a probability of at least 99 %; `nil` for too few measurements.
  package let interval: ClosedRange<Double>?

  /// - Precondition: there are measurements on both sides, all above 0.
  package init(_ measurements: [Double], to others: [Double]) {
    let ratios = measurements.flatMap { one in others.map { one / $0 } }.sorted()
    ratio = SampleStatistics(ratios).percentile(50)
    let rank = Self.criticalRank(measurements.count, others.count)
    interval = rank > 0 ? ratios[rank - 1]...ratios[ratios.count - rank] : nil
  }

  /// The largest k for which fewer than k of all pairs are in one order with a probability of at most
  /// 0.5 %, were both sets of one distribution; 0 where there is none.
  ///
  /// The orders of m and n values in which u pairs are of one order are counted by the Gaussian
  /// binomial coefficient: ∏ (1 − qⁿ⁺ⁱ) / (1 − qⁱ) for i from 1 to m.
  static func criticalRank(_ m: Int, _ n: Int) -> Int {
    // The lower half is enough, as the distribution is symmetric.
    var counts = [Double](repeating: 0, count: m * n / 2 + 1)
    counts[0] = 1
    for i in 1...m {
      for u in counts.indices.reversed() where u >= n + i { counts[u] -= counts[u - n - i] }
      for u in counts.indices where u >= i { counts[u] += counts[u - i] }
    }
    let all = (1...m).reduce(1.0) { $0 * Double(n + $1) / Double($1) }
    var below = 0.0
    var rank = 0
    while rank < counts.count, (below + counts[rank]) / all <= 0.005 {
      below += counts[rank]
      rank += 1
    }
    return rank
  }
}
