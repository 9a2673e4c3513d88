import CNNZoo
import Foundation
import Testing

/// The metrics against values computed by hand.
struct EvaluationTests {
  /// Four images of classes 0, 0, 1 and 2, whose classes rank first, second, first and sixth.
  private var evaluation: Evaluation {
    var evaluation = Evaluation(classCount: 8)
    evaluation.add(truth: 0, ranking: [(0, 0.9), (1, 0.1)])
    evaluation.add(truth: 0, ranking: [(1, 0.6), (0, 0.3), (2, 0.1)])
    evaluation.add(truth: 1, ranking: [(1, 0.5), (0, 0.5)])
    evaluation.add(
      truth: 2, ranking: [(1, 0.4), (3, 0.3), (4, 0.2), (5, 0.05), (6, 0.03), (2, 0.02)])
    return evaluation
  }

  private func isNear(_ x: Double, _ y: Double) -> Bool { abs(x - y) < 1e-12 }

  @Test func accuracies() {
    #expect(evaluation.count == 4)
    #expect(evaluation.correct(inTop: 1) == 2 && evaluation.accuracy == 0.5)
    #expect(evaluation.correct(inTop: 2) == 3)
    // The sixth answer is not among the first five.
    #expect(evaluation.correct(inTop: 5) == 3 && evaluation.top5Accuracy == 0.75)
    #expect(evaluation.correct(inTop: 6) == 4)
    // Recalls 1/2, 1 and 0.
    #expect(evaluation.balancedAccuracy == 0.5)
  }

  @Test func logLossIsTheMeanOfNegativeLogarithms() {
    let expected = -(log(0.9) + log(0.3) + log(0.5) + log(0.02)) / 4
    #expect(isNear(evaluation.logLoss, expected))
  }

  @Test func unrankedClassesKeepTheLossFinite() {
    var evaluation = Evaluation(classCount: 3)
    evaluation.add(truth: 2, ranking: [(0, 1)])
    #expect(evaluation.correct(inTop: 5) == 0)
    #expect(isNear(evaluation.logLoss, 15 * log(10)))
  }

  /// Bins of 1/15: 0.9 in the 14th, 0.6 in the 9th including its edge, 0.5 in the 8th, 0.4 in the 6th.
  @Test func calibration() {
    let filled = evaluation.calibration.indices.filter { evaluation.calibration[$0].count > 0 }
    #expect(filled == [5, 7, 8, 13])
    #expect(evaluation.calibration[13].accuracy == 1)
    #expect(evaluation.calibration[13].meanConfidence == 0.9)
    #expect(isNear(evaluation.calibrationError, (0.1 + 0.6 + 0.5 + 0.4) / 4))
    #expect(isNear(evaluation.meanConfidence, 0.6))
  }

  /// Errors in one bin cancel: half of the images with confidence 0.5 are correct.
  @Test func calibratedAnswersHaveZeroError() {
    var evaluation = Evaluation(classCount: 2)
    evaluation.add(truth: 0, ranking: [(0, 0.5), (1, 0.5)])
    evaluation.add(truth: 1, ranking: [(0, 0.5), (1, 0.5)])
    #expect(evaluation.calibrationError == 0)
    evaluation.add(truth: 0, ranking: [(0, 1), (1, 0)])
    #expect(evaluation.calibration[14].count == 1)
    #expect(evaluation.calibrationError == 0)
  }

  @Test func classResults() {
    let results = evaluation.classResults
    #expect(results.map(\.index) == [0, 1, 2])
    #expect(results.map(\.count) == [2, 1, 1])
    #expect(results.map(\.correct) == [1, 1, 0])
    #expect(results.map(\.correctInTop5) == [2, 1, 0])
    #expect(results.map(\.answered) == [1, 3, 0])
    #expect(results[0].recall == 0.5 && results[0].precision == 1)
    #expect(results[1].recall == 1 && isNear(results[1].precision, 1.0 / 3))
    #expect(results[2].precision.isNaN)
    #expect(evaluation.confusion == [0: [0: 1, 1: 1], 1: [1: 1], 2: [1: 1]])
  }

  @Test func mistakesAreSortedByConfidence() {
    #expect(evaluation.mistakes == [1, 3])
    #expect(evaluation.samples[3].truthRank == 5)
    #expect(evaluation.samples[3].truthProbability == 0.02)
  }

  /// 81 of 263 is the example of Newcombe (1998).
  @Test func wilsonInterval() {
    func isNear(_ found: ClosedRange<Double>, _ low: Double, _ high: Double) -> Bool {
      abs(found.lowerBound - low) < 5e-5 && abs(found.upperBound - high) < 5e-5
    }
    #expect(isNear(Evaluation.wilsonInterval(successes: 8, of: 10), 0.4902, 0.9433))
    #expect(isNear(Evaluation.wilsonInterval(successes: 81, of: 263), 0.2553, 0.3662))
    #expect(Evaluation.wilsonInterval(successes: 0, of: 0) == 0...1)
    let all = Evaluation.wilsonInterval(successes: 5, of: 5)
    #expect(isNear(all, 0.5655, 1) && all.upperBound == 1)
    #expect(evaluation.accuracyInterval == Evaluation.wilsonInterval(successes: 2, of: 4))
  }

  /// A wrong answer counts if it is as confident as the class's own images make it.
  @Test func likelyLabelErrors() {
    var evaluation = Evaluation(classCount: 3)
    // Class 1 gets 0.6 on average for its own images, class 0 gets 0.5.
    evaluation.add(truth: 0, ranking: [(0, 0.8), (1, 0.2)])
    evaluation.add(truth: 0, ranking: [(1, 0.65), (0, 0.35)])
    evaluation.add(truth: 0, ranking: [(1, 0.55), (0, 0.35)])
    evaluation.add(truth: 1, ranking: [(1, 0.9), (0, 0.1)])
    evaluation.add(truth: 1, ranking: [(0, 0.7), (1, 0.3)])
    // Nothing is known of class 2.
    evaluation.add(truth: 1, ranking: [(2, 0.99), (1, 0.6)])
    #expect(evaluation.likelyLabelErrors == [4, 1])
    #expect(evaluation.mistakes == [5, 4, 1, 2])
    // A cautious classifier's mistakes, less likely than not.
    var cautious = Evaluation(classCount: 3)
    cautious.add(truth: 0, ranking: [(0, 0.4), (1, 0.3)])
    cautious.add(truth: 1, ranking: [(0, 0.49), (1, 0.3)])
    cautious.add(truth: 1, ranking: [(0, 0.5), (1, 0.3)])
    #expect(cautious.likelyLabelErrors == [2])
    #expect(Evaluation(classCount: 2).likelyLabelErrors.isEmpty)
  }

  @Test func confusedPairs() {
    var evaluation = Evaluation(classCount: 3)
    for (truth, answer) in [(2, 0), (0, 1), (0, 2), (0, 2), (1, 1), (2, 1)] {
      evaluation.add(truth: truth, ranking: [(answer, 1)])
    }
    let pairs = evaluation.confusedPairs
    #expect(pairs.map(\.truth) == [0, 0, 2, 2] && pairs.map(\.answer) == [2, 1, 0, 1])
    #expect(pairs.map(\.count) == [2, 1, 1, 1])
  }

  /// The answers of two classifiers: how many images both get right, only one of them, and none.
  private static func pair(
    both: Int, first: Int, second: Int, none: Int = 3
  ) -> (Evaluation, Evaluation) {
    var pair = (Evaluation(classCount: 2), Evaluation(classCount: 2))
    func add(_ count: Int, _ answers: (Int, Int)) {
      for _ in 0..<count {
        pair.0.add(truth: 1, ranking: [(answers.0, 0.9), (1 - answers.0, 0.1)])
        pair.1.add(truth: 1, ranking: [(answers.1, 0.9), (1 - answers.1, 0.1)])
      }
    }
    add(both, (1, 1))
    add(first, (1, 0))
    add(second, (0, 1))
    add(none, (0, 0))
    return pair
  }

  /// Only images that one of the two gets right count, and chance must be ruled out.
  @Test(arguments: [
    (0, 0, false), (1, 0, false), (3, 0, false), (4, 0, true), (9, 1, true), (8, 3, false),
    (59, 41, false), (60, 40, true), (0, 20, false), (40, 60, false),
  ])
  func improvementsBeyondChance(first: Int, second: Int, isBetter: Bool) {
    for both in [0, 500] {
      let (mine, theirs) = Self.pair(both: both, first: first, second: second)
      #expect(mine.isBetter(than: theirs) == isBetter)
      #expect(!(isBetter && theirs.isBetter(than: mine)))
    }
  }
}
