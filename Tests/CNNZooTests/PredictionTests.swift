import CNNZoo
import Testing

struct PredictionTests {
  private func ranked(_ logits: [Float], topK: Int = 5) throws -> [Prediction] {
    try Prediction.ranked(logits: logits, labels: .numbered(logits.count), topK: topK)
  }

  @Test func bestFirst() throws {
    let predictions = try ranked([1, 3, 2])
    #expect(predictions.map(\.index) == [1, 2, 0])
    #expect(predictions.map(\.label) == ["class 1", "class 2", "class 0"])
  }

  @Test func softmaxInDouble() throws {
    // e^1, e^2, e^3 over their sum.
    let expected = [0.6652409557748219, 0.24472847105479767, 0.09003057317038046]
    for (prediction, value) in zip(try ranked([1, 2, 3]), expected) {
      #expect(abs(prediction.probability - value) < 1e-15)
    }
  }

  @Test func equalLogitsAreOrderedByIndex() throws {
    #expect(try ranked([2, 5, 5, 2, 5]).map(\.index) == [1, 2, 4, 0, 3])
  }

  @Test func logitsDecideIfAllProbabilitiesAreZero() throws {
    #expect(try ranked([1000, -1000, -900]).map(\.index) == [0, 2, 1])
  }

  @Test(arguments: [[1e38, 1e38, -1e38], [-3e38, -3e38], [0]] as [[Float]])
  func extremeLogitsGiveValidProbabilities(logits: [Float]) throws {
    let sum = try ranked(logits).map(\.probability).reduce(0, +)
    #expect(abs(sum - 1) < 1e-12)
  }

  /// Classes are independent; the order remains that of the logits.
  @Test func sigmoidsAreIndependent() throws {
    let predictions = try Prediction.ranked(
      logits: [0, -800, 3, 800], labels: .numbered(4), topK: 4, activation: .sigmoid)
    #expect(predictions.map(\.index) == [3, 2, 0, 1])
    let expected = [1, 0.9525741268224334, 0.5, 0]
    #expect(zip(predictions, expected).allSatisfy { abs($0.probability - $1) < 1e-15 })
  }

  @Test func logitsAreReportedWithoutActivation() throws {
    let predictions = try Prediction.ranked(
      logits: [-1.5, 7], labels: .numbered(2), topK: 2, activation: .identity)
    #expect(predictions.map(\.probability) == [7, -1.5])
  }

  @Test(arguments: [(0, 0), (2, 2), (3, 3), (9, 3)])
  func countIsClamped(topK: Int, count: Int) throws {
    #expect(try ranked([1, 2, 3], topK: topK).count == count)
  }

  @Test(arguments: [Float.nan, .infinity, -.infinity])
  func nonFiniteLogitsAreRefused(value: Float) {
    #expect(throws: ClassifierError.nonFiniteLogit(index: 1)) { try ranked([0, value]) }
  }
}
