import Testing
import Command

struct SampleStatisticsTests {
  private let statistics = SampleStatistics([4, 1, 3, 2])

  // NumPy: percentile([4, 1, 3, 2], p), mean, std(ddof=1).
  @Test(arguments: [(0.0, 1.0), (50, 2.5), (90, 3.7), (99, 3.97), (100, 4)])
  func percentiles(percent: Double, value: Double) {
    #expect(abs(statistics.percentile(percent) - value) < 1e-12)
  }

  @Test func moments() {
    #expect(statistics.minimum == 1)
    #expect(statistics.mean == 2.5)
    #expect(abs(statistics.standardDeviation - 1.2909944487358056) < 1e-15)
  }

  @Test func oneSample() {
    let one = SampleStatistics([7])
    #expect(one.percentile(99) == 7)
    #expect(one.standardDeviation == 0)
  }

  @Test(arguments: [(0.0, 3, 3), (10, 1, 10), (9.5, 1, 10), (2, 5, 5)])
  func repetitionsRespectTimeAndCount(time: Double, count: Int, expected: Int) {
    var now = 0.0
    let samples = RepetitionRule(minimumTime: time, minimumCount: count)
      .samples(clock: { now }, of: { now += 1 })
    #expect(samples == Array(repeating: 1, count: expected))
  }
}
