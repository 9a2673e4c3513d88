import Glibc

/// The loss of a batch of logits, and its gradient.
package struct ClassificationLoss: Sendable {
  /// What the loss is computed from.
  package let kind: TrainingConfiguration.Loss
  /// The share of the target that is spread evenly.
  package let labelSmoothing: Double
  /// The weight of each class's images; empty for the same weight everywhere.
  package let classWeights: [Double]

  package init(
    _ kind: TrainingConfiguration.Loss, labelSmoothing: Double, classWeights: [Double] = []
  ) {
    (self.kind, self.labelSmoothing) = (kind, labelSmoothing)
    self.classWeights = classWeights
  }

  /// The weight of an image: its classes' mean weight, by its targets.
  func weight(_ targets: [Float]) -> Double {
    guard !classWeights.isEmpty else { return 1 }
    let total = targets.reduce(0) { $0 + Double($1) }
    guard total > 0 else { return 1 }
    return zip(targets, classWeights).reduce(0) { $0 + Double($1.0) * $1.1 } / total
  }

  /// The target for one class.
  ///
  /// At softmax, the smoothed target is (1 − s) · t + s / classes; at sigmoid, (1 − s) · t + s / 2.
  func smoothed(_ target: Double, classes: Int) -> Double {
    let share = kind == .softmax ? 1 / Double(classes) : 0.5
    return target * (1 - labelSmoothing) + labelSmoothing * share
  }

  /// The loss of one image; adds nothing to `gradient` but writes `factor` times its gradient.
  ///
  /// - Parameters:
  ///   - logits: One for each class.
  ///   - targets: A probability for each class; at softmax they sum to 1.
  ///   - gradient: Receives factor · ∂loss / ∂logits.
  package func callAsFunction(
    _ logits: UnsafeBufferPointer<Float>, targets: [Float], factor: Double,
    gradient: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    let weight = weight(targets)
    switch kind {
    case .softmax: return weight * softmax(logits, targets, weight * factor, gradient)
    case .sigmoid: return weight * sigmoid(logits, targets, weight * factor, gradient)
    }
  }

  /// −Σ t log p with p = eˣ / Σeˣ; the gradient is p · Σt − t.
  private func softmax(
    _ logits: UnsafeBufferPointer<Float>, _ targets: [Float], _ factor: Double,
    _ gradient: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    let classes = logits.count
    let greatest = Double(logits.max() ?? 0)
    var total = 0.0
    for logit in logits { total += exp(Double(logit) - greatest) }
    let normalizer = greatest + log(total)
    var loss = 0.0
    var weight = 0.0
    for index in 0..<classes { weight += smoothed(Double(targets[index]), classes: classes) }
    for (index, logit) in logits.enumerated() {
      let target = smoothed(Double(targets[index]), classes: classes)
      let logProbability = Double(logit) - normalizer
      loss -= target * logProbability
      gradient[index] = Float((exp(logProbability) * weight - target) * factor)
    }
    return loss
  }

  /// −Σ t log σ(x) + (1 − t) log(1 − σ(x)); the gradient is σ(x) − t.
  private func sigmoid(
    _ logits: UnsafeBufferPointer<Float>, _ targets: [Float], _ factor: Double,
    _ gradient: UnsafeMutableBufferPointer<Float>
  ) -> Double {
    var loss = 0.0
    for (index, logit) in logits.enumerated() {
      let target = smoothed(Double(targets[index]), classes: logits.count)
      let x = Double(logit)
      // log(1 + e⁻ˣ) without overflow.
      loss += max(x, 0) - x * target + log1p(exp(-abs(x)))
      gradient[index] = Float((1 / (1 + exp(-x)) - target) * factor)
    }
    return loss
  }
}
