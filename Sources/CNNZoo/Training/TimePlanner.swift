import Training

/// Chooses epochs, image size and frozen stages so that a run ends at a given time.
///
/// The learning rate's schedule spans the whole run, so its length must be known at the start. If there
/// is time for few epochs only, images become smaller, and then the first stages are frozen.
package struct TimePlanner {
  /// What a run costs, in seconds.
  package struct Cost {
    /// The steps of an epoch of the last stage.
    package var epoch: Double
    /// Validating and saving after an epoch.
    package var afterEpoch: Double
    /// What comes before the first epoch and after the last.
    package var fixed: Double

    package init(epoch: Double, afterEpoch: Double, fixed: Double) {
      (self.epoch, self.afterEpoch, self.fixed) = (epoch, afterEpoch, fixed)
    }
  }

  /// How long the run may take, and what may be chosen.
  package let limit: TimeLimit
  private let measure: (TrainingConfiguration) throws -> Cost

  /// - Parameters:
  ///   - limit: Its seconds count from now.
  ///   - measure: Measures a configuration.
  package init(_ limit: TimeLimit, measure: @escaping (TrainingConfiguration) throws -> Cost) {
    (self.limit, self.measure) = (limit, measure)
  }

  /// Epochs below which images become smaller.
  private static let fewestEpochs = 5
  /// What is tried in turn: the factor of the image size, and the share of the stages to freeze.
  private static let reductions = [
    (size: 1.0, frozen: 0.0), (0.86, 0), (0.72, 0), (0.72, 0.5), (0.57, 0.5), (0.57, 0.9),
  ]
  /// The share of the time to plan for: steps are not all equally fast.
  private static let margin = 0.97

  /// The first reduction with enough epochs, or with the most.
  ///
  /// - Parameters:
  ///   - configuration: The configuration without a limit.
  ///   - stages: The network's stages.
  /// - Returns: `nil` if there is no time for a single epoch; and the seconds that one would take.
  /// - Throws: Errors of `measure`.
  package func plan(
    _ configuration: TrainingConfiguration, stages: Int
  ) throws -> (configuration: TrainingConfiguration?, seconds: Double) {
    var candidates: [TrainingConfiguration] = []
    for reduction in Self.reductions {
      let reduced = reduce(configuration, reduction, stages: stages)
      if reduced != candidates.last { candidates.append(reduced) }
    }
    var index = 0
    while true {
      let cost = try measure(candidates[index])
      let epochs = epochs(candidates[index], cost)
      let needed = limit.choosesEpochs ? Self.fewestEpochs : configuration.epochs
      if epochs >= needed || index == candidates.count - 1 {
        let enough = limit.choosesEpochs ? epochs >= 1 : epochs >= configuration.epochs
        let total = cost.fixed + cost.afterEpoch + cost.epoch
        return (enough ? final(candidates[index], epochs: epochs) : nil, total)
      }
      // The next one that is expected to be enough: time grows with the area and with the backward
      // passes, two thirds of a step.
      func work(_ candidate: TrainingConfiguration) -> Double {
        let frozen = Double(candidate.frozenStages) / Double(max(1, stages))
        return Double(candidate.imageSize * candidate.imageSize) * (1 - 2 / 3 * frozen)
      }
      let current = work(candidates[index])
      index =
        candidates.indices.dropFirst(index + 1).first { next in
          var estimate = cost
          estimate.epoch *= work(candidates[next]) / current
          return self.epochs(candidates[next], estimate) >= needed
        } ?? candidates.count - 1
    }
  }

  private func reduce(
    _ configuration: TrainingConfiguration, _ reduction: (size: Double, frozen: Double), stages: Int
  ) -> TrainingConfiguration {
    var reduced = configuration
    if limit.choosesSize, reduction.size < 1 {
      // Multiples of 32 fit every network's strides.
      func side(_ side: Int) -> Int {
        min(side, max(32, Int((Double(side) * reduction.size / 32).rounded()) * 32))
      }
      reduced.imageSize = side(configuration.imageSize)
      if let start = configuration.progressive?.imageSize {
        reduced.progressive?.imageSize = side(start)
      }
    }
    if limit.choosesFrozenStages {
      reduced.frozenStages = max(
        configuration.frozenStages, Int((Double(stages) * reduction.frozen).rounded(.down)))
    }
    return reduced
  }

  /// The epochs for which there is time.
  private func epochs(_ configuration: TrainingConfiguration, _ cost: Cost) -> Int {
    let area = Double(configuration.imageSize * configuration.imageSize)
    // The mean over the stages; the number of epochs hardly matters.
    let stages = configuration.stages
    let relative = stages.map { Double($0.imageSize * $0.imageSize) / area }.reduce(0, +)
    let epoch = cost.epoch * relative / Double(stages.count) + cost.afterEpoch
    return max(0, Int((limit.seconds * Self.margin - cost.fixed) / epoch))
  }

  private func final(_ configuration: TrainingConfiguration, epochs: Int) -> TrainingConfiguration {
    var result = configuration
    guard limit.choosesEpochs else { return result }
    result.epochs = epochs
    // A warm-up is at most a fifth of the run.
    result.schedule.warmupEpochs = min(result.schedule.warmupEpochs, Double(epochs) / 5)
    return result
  }
}
