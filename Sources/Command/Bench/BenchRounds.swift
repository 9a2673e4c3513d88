/// Measures several things in turns, so that a machine that grows slower or faster in between does
/// so for all of them.
///
/// Every measurement is split into rounds. In a round each thing has its turn, for long enough to
/// have the caches to itself; every other round goes through them backwards, which also evens out
/// what grows steadily. How much the rounds of one thing differ shows what the machine's own
/// unsteadiness is worth.
package struct BenchRounds: Equatable, Sendable {
  /// Rounds of every measurement.
  package let count: Int
  /// What all rounds of a measurement take together.
  package let rule: RepetitionRule

  package init(count: Int, rule: RepetitionRule) {
    precondition(count >= 1)
    self.count = count
    self.rule = rule
  }

  /// The seconds of every run, by thing and by round; the first run of each turn is not counted.
  ///
  /// - Parameter clock: tells seconds since any moment.
  package func samples(
    clock: () -> Double, of bodies: [() throws -> Void]
  ) throws -> [[[Double]]] {
    let turn = RepetitionRule(
      minimumTime: rule.minimumTime / Double(count),
      minimumCount: (rule.minimumCount + count - 1) / count)
    var samples = [[[Double]]](repeating: [], count: bodies.count)
    for round in 0..<count {
      for index in round.isMultiple(of: 2) ? Array(bodies.indices) : bodies.indices.reversed() {
        try bodies[index]()
        samples[index].append(try turn.samples(clock: clock, of: bodies[index]))
      }
    }
    return samples
  }
}

/// The runs of one thing, round by round.
package struct RoundStatistics: Equatable, Sendable {
  /// All runs.
  package let all: SampleStatistics
  /// The median of each round.
  package let medians: [Double]

  /// - Precondition: there is a round, and none is empty.
  package init(_ rounds: [[Double]]) {
    all = SampleStatistics(rounds.flatMap(\.self))
    medians = rounds.map { SampleStatistics($0).percentile(50) }
  }

  /// How far the rounds' medians lie apart, as a fraction of their median.
  package var spread: Double {
    let statistics = SampleStatistics(medians)
    let middle = statistics.percentile(50)
    return middle > 0 ? (statistics.percentile(100) - statistics.minimum) / middle : 0
  }

  /// The median of the ratios to another thing in the same rounds: what the machine did in a round
  /// it did to both.
  package func ratio(to other: RoundStatistics) -> Double {
    SampleStatistics(zip(medians, other.medians).map { $0 / $1 }).percentile(50)
  }
}
