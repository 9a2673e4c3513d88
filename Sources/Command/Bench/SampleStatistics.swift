/// Statistics of repeated measurements.
package struct SampleStatistics: Equatable, Sendable {
  /// The measurements, in the order they were taken.
  package let samples: [Double]
  private let sorted: [Double]

  /// - Precondition: There is at least one sample.
  package init(_ samples: [Double]) {
    precondition(!samples.isEmpty, "no samples")
    self.samples = samples
    sorted = samples.sorted()
  }

  package var minimum: Double { sorted[0] }

  package var mean: Double { samples.reduce(0, +) / Double(samples.count) }

  /// The sample standard deviation (n − 1 in the denominator); 0 for one sample.
  package var standardDeviation: Double {
    guard samples.count > 1 else { return 0 }
    let mean = mean
    let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(samples.count - 1)).squareRoot()
  }

  /// The percentile, interpolated linearly like NumPy's default.
  package func percentile(_ percent: Double) -> Double {
    let position = min(max(percent / 100, 0), 1) * Double(sorted.count - 1)
    let lower = Int(position)
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
  }
}

/// How long to repeat a measurement.
package struct RepetitionRule: Equatable, Sendable {
  /// Minimum duration of all repetitions, in seconds.
  package var minimumTime: Double
  /// Minimum number of repetitions.
  package var minimumCount: Int

  package init(minimumTime: Double, minimumCount: Int) {
    self.minimumTime = minimumTime
    self.minimumCount = minimumCount
  }

  /// The seconds each repetition took according to `clock`, whose zero is arbitrary.
  ///
  /// - Parameter afterEach: Is called after each repetition, outside of the measured time.
  package func samples(
    clock: () -> Double, afterEach: () -> Void = {}, of body: () throws -> Void
  ) rethrows -> [Double] {
    var samples: [Double] = []
    let start = clock()
    var last = start
    repeat {
      let before = clock()
      try body()
      last = clock()
      samples.append(last - before)
      afterEach()
    } while samples.count < minimumCount || last - start < minimumTime
    return samples
  }
}

/// The ratio of two sets of repeated measurements, with a confidence interval.
///
/// Makes no assumption about the distributions: the ratio is the median over all pairs (Hodges &
/// Lehmann 1963, on logarithms); the interval inverts the Mann-Whitney test (1947) with exact
/// probabilities.
package struct RatioInterval: Equatable, Sendable {
  package let ratio: Double
  /// A confidence interval of at least 99 %; `nil` for too few measurements.
  package let interval: ClosedRange<Double>?

  /// - Precondition: Both sides have measurements, all above 0.
  package init(_ measurements: [Double], to others: [Double]) {
    let ratios = measurements.flatMap { one in others.map { one / $0 } }.sorted()
    ratio = SampleStatistics(ratios).percentile(50)
    let rank = Self.criticalRank(measurements.count, others.count)
    interval = rank > 0 ? ratios[rank - 1]...ratios[ratios.count - rank] : nil
  }

  /// The largest k for which fewer than k ordered pairs have a probability of at most 0.5 %.
  ///
  /// The probability assumes that both sets come from the same distribution; k is 0 if there is
  /// none. The Gaussian binomial coefficient, ∏ (1 − qⁿ⁺ⁱ) / (1 − qⁱ) for i from 1 to m, counts the
  /// permutations of m and n values in which u pairs are in one order.
  static func criticalRank(_ m: Int, _ n: Int) -> Int {
    // The distribution is symmetric: the lower half is enough.
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

extension SampleStatistics {
  /// Above this ratio of median to minimum, times reflect other load more than the program.
  private static let busyRatio = 1.3

  /// Whether other load slowed down half of the runs.
  package var showsBusyMachine: Bool { Self.showsBusyMachine(median: percentile(50), minimum) }

  static func showsBusyMachine(median: Double, _ minimum: Double) -> Bool {
    median > busyRatio * minimum
  }

  /// Samples farther from the median than this many robust standard deviations are outliers
  /// (Iglewicz & Hoaglin 1993).
  private static let outlierDistance = 3.5

  package var withoutOutliers: SampleStatistics {
    let median = percentile(50)
    let distances = samples.map { ($0 - median).magnitude }
    // For a normal distribution the median distance is 0.6745 standard deviations and the mean
    // distance 0.7979; the mean is the fallback if more than half of the samples are equal.
    let typical = SampleStatistics(distances).percentile(50) / 0.6745
    let std = typical > 0 ? typical : SampleStatistics(distances).mean / 0.7979
    return SampleStatistics(
      zip(samples, distances).filter { $1 <= Self.outlierDistance * std }.map(\.0))
  }

  /// Outliers that change the mean by less than this cause no warning.
  ///
  /// Every shared machine has some.
  private static let noticeableChange = 0.05

  /// A warning if the median or the mean is misleading; `name` identifies the measurement.
  package func warning(for name: String) -> String? {
    if showsBusyMachine {
      return "\(name): half of the runs took at least"
        + " \(NumberText.fixed(percentile(50) / minimum, 1)) times as long as the fastest:"
        + " the machine was busy"
    }
    let typical = withoutOutliers
    let change = mean / typical.mean - 1
    guard change.magnitude > Self.noticeableChange else { return nil }
    return "\(name): \(samples.count - typical.samples.count) of \(samples.count) runs are outliers"
      + " and change the mean by \(NumberText.fixed(100 * change, 0)) %; use the median"
  }
}
