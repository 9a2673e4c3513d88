import Glibc

/// The learning rate over time.
public struct LearningRateSchedule: Hashable, Sendable {
  /// How the rate falls.
  public enum Decay: Hashable, Sendable {
    /// It does not.
    case constant
    /// Along half a cosine, from the end of the warm-up to 0 after the last step (Loshchilov & Hutter
    /// 2017, arXiv 1608.03983).
    case cosine
    /// By `factor` after every `epochs` epochs, counted from the first step.
    case staircase(factor: Double, epochs: Double)
  }

  /// The largest learning rate.
  public var rate: Double
  /// Epochs in which the rate rises linearly, step by step, to its value without a warm-up.
  public var warmupEpochs: Double
  /// How the rate falls.
  public var decay: Decay

  /// A schedule.
  public init(rate: Double, warmupEpochs: Double, decay: Decay) {
    (self.rate, self.warmupEpochs, self.decay) = (rate, warmupEpochs, decay)
  }

  /// The same rate after the warm-up.
  public static func constant(rate: Double, warmupEpochs: Double = 0) -> Self {
    Self(rate: rate, warmupEpochs: warmupEpochs, decay: .constant)
  }

  /// A cosine that reaches 0 at the end.
  public static func cosine(rate: Double, warmupEpochs: Double = 0) -> Self {
    Self(rate: rate, warmupEpochs: warmupEpochs, decay: .cosine)
  }

  /// × 0.97 every 2.4 epochs, as in the EfficientNetV2 paper (Tan & Le 2021, arXiv 2104.00298, section
  /// 4.1), whose rate is 0.016 for each 256 images of a batch, after 5 epochs of warm-up.
  public static func staircase(
    rate: Double, warmupEpochs: Double = 5, factor: Double = 0.97, epochs: Double = 2.4
  ) -> Self {
    Self(
      rate: rate, warmupEpochs: warmupEpochs, decay: .staircase(factor: factor, epochs: epochs))
  }

  /// The learning rate of a step.
  ///
  /// The first of w warm-up steps has 1/w of the full rate, the last one all of it.
  ///
  /// - Parameters:
  ///   - step: Updates before this one.
  ///   - stepsPerEpoch: Updates in an epoch, at least 1.
  ///   - epochs: All epochs of the run.
  public func rate(step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let steps = Double(stepsPerEpoch)
    let warmup = (warmupEpochs * steps).rounded(.down)
    let step = Double(step)
    let warm = step < warmup ? (step + 1) / warmup : 1
    switch decay {
    case .constant: return rate * warm
    case .cosine:
      guard step >= warmup else { return rate * warm }
      let remaining = max(1, Double(epochs) * steps - warmup)
      return rate * (1 + cos(.pi * min(1, (step - warmup) / remaining))) / 2
    case .staircase(let factor, let epochs):
      return rate * warm * pow(factor, (step / (epochs * steps)).rounded(.down))
    }
  }
}
