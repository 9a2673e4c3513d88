import Glibc
import Testing
import Training

/// Losses against their definitions, gradients against central differences.
struct ClassificationLossTests {
  private static let logits: [Float] = [1.5, -0.25, 3, -20, 0]
  private static let targets: [[Float]] = [
    [0, 0, 1, 0, 0], [1, 0, 0, 0, 0], [0.3, 0, 0, 0.7, 0], [0.2, 0.2, 0.2, 0.2, 0.2],
  ]

  private static func loss(
    _ loss: ClassificationLoss, _ logits: [Float], _ targets: [Float], factor: Double = 1
  ) -> (value: Double, gradient: [Float]) {
    var gradient = [Float](repeating: .nan, count: logits.count)
    let value = logits.withUnsafeBufferPointer { logits in
      gradient.withUnsafeMutableBufferPointer {
        loss(logits, targets: targets, factor: factor, gradient: $0)
      }
    }
    return (value, gradient)
  }

  @Test(arguments: TrainingConfiguration.Loss.allCases, [0, 0.1])
  func gradientsAreDerivatives(_ kind: TrainingConfiguration.Loss, smoothing: Double) {
    // Class weights go with smoothing.
    let loss = ClassificationLoss(
      kind, labelSmoothing: smoothing,
      classWeights: smoothing > 0 ? [0.5, 2, 1, 3, 0.25] : [])
    for targets in Self.targets {
      let gradient = Self.loss(loss, Self.logits, targets, factor: 0.5).gradient
      for index in Self.logits.indices {
        var (above, below) = (Self.logits, Self.logits)
        let step: Float = 0x1p-7
        above[index] += step
        below[index] -= step
        let difference =
          Self.loss(loss, above, targets).value - Self.loss(loss, below, targets).value
        #expect(abs(Double(gradient[index]) - 0.5 * difference / Double(2 * step)) < 2e-6)
      }
    }
  }

  @Test func classWeightsMultiplyTheLoss() {
    let plain = ClassificationLoss(.softmax, labelSmoothing: 0.1)
    let weighted = ClassificationLoss(
      .softmax, labelSmoothing: 0.1, classWeights: [0.5, 2, 1, 3, 0.25])
    for (targets, weight) in zip(Self.targets, [1, 0.5, 0.3 * 0.5 + 0.7 * 3, 1.35]) {
      let (expected, value) = (
        Self.loss(plain, Self.logits, targets).value * weight,
        Self.loss(weighted, Self.logits, targets).value
      )
      #expect(abs(value - expected) < 1e-6 * expected)
    }
  }

  @Test func valuesAreTheDefinitions() {
    let powers = Self.logits.map { exp(Double($0)) }
    let total = powers.reduce(0, +)
    let plain = ClassificationLoss(.softmax, labelSmoothing: 0)
    #expect(
      abs(Self.loss(plain, Self.logits, Self.targets[0]).value + log(powers[2] / total)) < 1e-12)
    let smoothed = ClassificationLoss(.softmax, labelSmoothing: 0.1)
    let expected = powers.enumerated().reduce(0.0) { sum, entry in
      sum - (entry.offset == 2 ? 0.92 : 0.02) * log(entry.element / total)
    }
    #expect(abs(Self.loss(smoothed, Self.logits, Self.targets[0]).value - expected) < 1e-9)
    let independent = ClassificationLoss(.sigmoid, labelSmoothing: 0)
    let sum = Self.logits.enumerated().reduce(0.0) { sum, entry in
      let p = 1 / (1 + exp(-Double(entry.element)))
      return sum - log(entry.offset == 2 ? p : 1 - p)
    }
    #expect(abs(Self.loss(independent, Self.logits, Self.targets[0]).value - sum) < 1e-9)
  }

  /// Large logits neither overflow nor give NaN.
  @Test(arguments: TrainingConfiguration.Loss.allCases)
  func largeLogitsAreFinite(_ kind: TrainingConfiguration.Loss) {
    let loss = ClassificationLoss(kind, labelSmoothing: 0.1)
    let (value, gradient) = Self.loss(loss, [1e30, -1e30, 0, 88, -88], Self.targets[1])
    #expect(value.isFinite && gradient.allSatisfy(\.isFinite))
  }
}
