import Command
import Testing

/// The statistics of `bench`, without measuring time.
struct BenchStatisticsTests {
  /// A clock that only the measured functions advance.
  private final class Machine {
    var now = 0.0
    var log = ""

    /// A function that takes `seconds`, on a machine that slows down by `drift` with every run.
    func thing(_ name: String, _ seconds: Double, drift: Double = 0) -> () -> Void {
      {
        self.log += name
        self.now += seconds * (1 + drift * Double(self.log.count))
      }
    }
  }

  private func rounds(_ count: Int, time: Double = 0, runs: Int) -> BenchRounds {
    BenchRounds(count: count, rule: RepetitionRule(minimumTime: time, minimumCount: runs))
  }

  @Test func candidatesTakeTurns() throws {
    let machine = Machine()
    let samples = try rounds(3, runs: 4).samples(
      clock: { machine.now }, of: [machine.thing("a", 1), machine.thing("b", 2)])
    // Each turn has one run that is not counted, and two of the four required runs.
    #expect(machine.log == "aaabbb" + "bbbaaa" + "aaabbb")
    #expect(samples == [[[1, 1], [1, 1], [1, 1]], [[2, 2], [2, 2], [2, 2]]])
  }

  @Test func roundsShareTheTime() throws {
    let machine = Machine()
    let samples = try rounds(5, time: 20, runs: 1).samples(
      clock: { machine.now }, of: [machine.thing("a", 1)])
    #expect(samples[0].map(\.count) == [4, 4, 4, 4, 4])
  }

  /// If measured one after the other, the second would seem slower by a third.
  @Test func slowdownAffectsAllEqually() throws {
    let machine = Machine()
    let samples = try rounds(6, runs: 12).samples(
      clock: { machine.now },
      of: [machine.thing("a", 1, drift: 0.02), machine.thing("b", 1, drift: 0.02)])
    let statistics = samples.map { RoundStatistics($0) }
    #expect(abs(statistics[1].ratio(to: statistics[0]) - 1) < 0.01)
    #expect(statistics[0].spread > 0.3)
  }

  @Test func errorsEndTheMeasurement() {
    struct Failure: Error {}
    #expect(throws: Failure.self) {
      try rounds(2, runs: 1).samples(clock: { 0 }, of: [{ throw Failure() }])
    }
  }

  @Test func medianOfEachRound() {
    let statistics = RoundStatistics([[1, 2, 30], [4], [6, 8]])
    #expect(statistics.medians == [2, 4, 7])
    #expect(statistics.all.samples == [1, 2, 30, 4, 6, 8])
    #expect(statistics.spread == 1.25)
    #expect(RoundStatistics([[1]]).spread == 0)
  }

  // SciPy 1.17, mannwhitneyu(method="exact", alternative="less"): of 6 and 6, 0.0043 for 2 pairs in
  // that order and 0.0076 for 3; of 5 and 5, 0.0040 for none; of 10 and 10, 0.0045 for 16 and 0.0058
  // for 17; of 2 and 100, 0.0049 for 8 and 0.0058 for 9.
  @Test(arguments: [(6, 6, 3), (5, 5, 1), (10, 10, 17), (2, 100, 9)])
  func intervalsMatchTheTest(m: Int, n: Int, rank: Int) throws {
    // No ratio occurs twice: each value identifies its rank.
    let some = (0..<m).map { 1 + 0.001 * Double($0 * $0) }
    let others = (0..<n).map { 1 + 0.0137 * Double($0) }
    let ratios = some.flatMap { one in others.map { one / $0 } }.sorted()
    let interval = try #require(RatioInterval(some, to: others).interval)
    #expect(interval == ratios[rank - 1]...ratios[m * n - rank])
  }

  @Test(arguments: [(1, 1), (4, 4), (1, 100), (3, 6)])
  func tooFewMeasurementsForAnInterval(m: Int, n: Int) {
    let interval = RatioInterval(Array(repeating: 2, count: m), to: Array(repeating: 1, count: n))
    #expect(interval.ratio == 2)
    #expect(interval.interval == nil)
  }

  @Test func manyMeasurementsGiveNarrowIntervals() throws {
    let some = (0..<100).map { 1 + 0.001 * Double($0) }
    let interval = RatioInterval(some.map { 1.1 * $0 }, to: some)
    let range = try #require(interval.interval)
    #expect(abs(interval.ratio - 1.1) < 1e-9)
    #expect(range.lowerBound > 1.08 && range.upperBound < 1.12)
  }

  @Test func outliersAreFarFromTheMedian() {
    let steady = (0..<20).map { 1 + 0.001 * Double($0 % 5) }
    #expect(SampleStatistics(steady).withoutOutliers.samples == steady)
    #expect(SampleStatistics(steady + [3, 0.1]).withoutOutliers.samples == steady)
    // More than half are equal: the median distance is 0.
    let equal = Array(repeating: 1.0, count: 20)
    #expect(SampleStatistics(equal + [9]).withoutOutliers.samples == equal)
    #expect(SampleStatistics(equal).withoutOutliers.samples == equal)
    #expect(SampleStatistics([5]).withoutOutliers.samples == [5])
  }

  private static let steady = (0..<100).map { 1 + 0.001 * Double($0 % 10) }

  private func warning(_ samples: [Double]) -> String? {
    SampleStatistics(samples).warning(for: "a")
  }

  @Test func harmlessOutliersCauseNoWarning() {
    // Three runs of twice the length change the mean by 3 %.
    #expect(warning(Self.steady + [2, 2, 2]) == nil)
  }

  @Test func outliersThatChangeTheMean() {
    #expect(
      warning(Self.steady + [9, 9])
        == "a: 2 of 102 runs are outliers and change the mean by 16 %; use the median")
  }

  @Test func aBusyMachine() {
    // Two thirds of the runs were interrupted.
    let slow = Self.steady.map { 3 * $0 }
    #expect(
      warning(Self.steady + slow + slow)
        == "a: half of the runs took at least 3.0 times as long as the fastest: the machine was busy"
    )
  }
}
