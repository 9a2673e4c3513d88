import Host

/// Splits the time of a training step among layers and kinds of work.
///
/// A lap ends where the next one begins, so the laps add up to the step. A session without a clock pays
/// for a test of `nil` at each step of its tape.
package final class StepClock {
  /// The laps since `start`.
  package private(set) var times: StepTimes
  /// The layer of each step of the tape.
  private let layerOfStep: [Int]
  private var mark = MonotonicTime().seconds
  /// The step of the tape that is running.
  var step = 0

  init(_ layers: TapeLayers) {
    layerOfStep = layers.layerOfStep
    times = StepTimes(layerCount: layers.layers.count)
  }

  /// Forgets earlier laps.
  package func start() {
    times = StepTimes(layerCount: times.layerCount)
    mark = MonotonicTime().seconds
  }

  /// Ends a lap of the running step's work.
  func lap(_ work: TrainingWork) { lap(layerOfStep[step], work) }

  /// Ends a lap of work on the network as a whole.
  package func lapWhole(_ work: TrainingWork) { lap(nil, work) }

  private func lap(_ layer: Int?, _ work: TrainingWork) {
    let now = MonotonicTime().seconds
    times[layer, work] += now - mark
    mark = now
  }
}

extension TapeStep {
  /// What it does forwards.
  var forwardWork: TrainingWork {
    if case .convolution = self { .product } else { .normalization }
  }

  /// What it does last backwards.
  var backwardWork: TrainingWork {
    if case .convolution = self { .inputGradient } else { .normalizationGradient }
  }
}
