import CNNZoo

/// A measurement beside an earlier one of the same work.
package struct BenchComparison: Equatable, Sendable {
  /// What may be said of the difference.
  package enum Verdict: String, Sendable {
    case faster
    case slower
    /// Rounds of one run differ as much.
    case noise = "within noise"
    case tooFewRounds = "too few rounds"
    /// In one of the two runs the median was far from the fastest: it is the neighbours' time.
    case busy = "machine busy"
  }

  /// Seconds.
  package let earlierMedian: Double
  package let earlierRoundMedians: [Double]
  /// This run's time to the earlier one's, from the medians of their rounds.
  package let ratio: RatioInterval
  package let verdict: Verdict

  package init(_ now: RoundStatistics, earlier: EarlierBench.Result) {
    earlierMedian = earlier.median
    earlierRoundMedians = earlier.roundMedians
    ratio = RatioInterval(now.medians, to: earlier.roundMedians)
    verdict = Self.verdict(
      ratio.interval, minimumRatio: now.all.minimum / earlier.minimum,
      isBusy: now.all.showsBusyMachine
        || SampleStatistics.showsBusyMachine(median: earlier.median, earlier.minimum))
  }

  /// A neighbour that takes the processor now and then moves the medians of a whole run, but rarely
  /// the fastest of its runs: a difference counts where both agree.
  private static func verdict(
    _ interval: ClosedRange<Double>?, minimumRatio: Double, isBusy: Bool
  ) -> Verdict {
    guard let interval else { return .tooFewRounds }
    if isBusy { return .busy }
    if interval.upperBound < 1, minimumRatio < 1 { return .faster }
    if interval.lowerBound > 1, minimumRatio > 1 { return .slower }
    return .noise
  }
}

/// What of the machine was another in the earlier run, so that times say nothing of the program.
package func environmentDifferences(
  now: [String: String], earlier: [String: String], usesBLAS: Bool
) -> [String] {
  let facts = ["processor", "instruction_set", "threads_allowed"]
  return (facts + (usesBLAS ? ["openblas_core"] : [])).compactMap { fact in
    guard now[fact] != earlier[fact] else { return nil }
    let name = fact.replacing("_", with: " ")
    return "\(name) is \(now[fact] ?? "unknown"), was \(earlier[fact]?.prefix(80) ?? "not told")"
  }
}
