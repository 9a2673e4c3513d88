import Foundation
import Testing
import Training

/// Learning rates and average decays against closed formulas.
struct ScheduleTests {
  private static let stepsPerEpoch = 10

  private static func rates(_ schedule: LearningRateSchedule, epochs: Int) -> [Double] {
    (0..<epochs * stepsPerEpoch).map {
      schedule.rate(step: $0, stepsPerEpoch: stepsPerEpoch, epochs: epochs)
    }
  }

  @Test func constant() {
    #expect(Self.rates(.constant(rate: 0.3), epochs: 2).allSatisfy { $0 == 0.3 })
    let rates = Self.rates(.constant(rate: 0.3, warmupEpochs: 0.5), epochs: 2)
    for (step, rate) in rates.enumerated() {
      #expect(abs(rate - (step < 5 ? 0.06 * Double(step + 1) : 0.3)) < 1e-15)
    }
  }

  @Test func cosine() {
    let rates = Self.rates(.cosine(rate: 0.2, warmupEpochs: 1), epochs: 5)
    for step in 0..<10 { #expect(abs(rates[step] - 0.02 * Double(step + 1)) < 1e-15) }
    #expect(rates[10] == 0.2)
    #expect(abs(rates[30] - 0.1) < 1e-15)
    #expect(abs(rates[20] - 0.1 * (1 + 0.5.squareRoot())) < 1e-15)
    // It reaches zero one step after the last.
    #expect(abs(rates[49] - 0.1 * (1 - cos(.pi / 40))) < 1e-15)
    let after = LearningRateSchedule.cosine(rate: 0.2, warmupEpochs: 1)
      .rate(step: 50, stepsPerEpoch: 10, epochs: 5)
    #expect(abs(after) < 1e-15)
    for step in 10..<49 { #expect(rates[step + 1] < rates[step]) }
  }

  /// × 0.97 at steps 24, 48, 72 …: the warm-up of 50 steps delays none of them.
  @Test func staircase() {
    let rates = Self.rates(.staircase(rate: 0.016), epochs: 12)
    for (step, rate) in rates.enumerated() {
      let warm = min(1, Double(step + 1) / 50)
      #expect(abs(rate - 0.016 * warm * pow(0.97, Double(step / 24))) < 1e-15, "step \(step)")
    }
  }

  /// Runs shorter than their warm-up, and without steps after it.
  @Test func degenerate() {
    let short = Self.rates(.cosine(rate: 1, warmupEpochs: 3), epochs: 2)
    for (step, rate) in short.enumerated() {
      #expect(abs(rate - Double(step + 1) / 30) < 1e-15)
    }
    #expect(LearningRateSchedule.cosine(rate: 1).rate(step: 0, stepsPerEpoch: 1, epochs: 1) == 1)
    #expect(LearningRateSchedule.cosine(rate: 1).rate(step: 9, stepsPerEpoch: 1, epochs: 1) == 0)
  }

  @Test func averageDecay() {
    let average = WeightAverage(limit: 0.99)
    #expect(average.decay(after: 0) == 0.1)
    #expect(average.decay(after: 8) == 0.5)
    #expect(average.decay(after: 889) == 890.0 / 899)
    #expect(average.decay(after: 891) == 0.99)
    #expect(average.decay(after: 1_000_000) == 0.99)
  }
}
