import CNNZoo
import Testing

struct TimePlannerTests {
  private let configuration: TrainingConfiguration = {
    var configuration = TrainingConfiguration.fineTuning
    configuration.imageSize = 224
    return configuration
  }()

  /// A step whose time grows with the area; a third of it is the forward pass.
  private func cost(_ configuration: TrainingConfiguration, full: Double) -> TimePlanner.Cost {
    let size = Double(configuration.imageSize) / 224
    let backward = 1 - Double(configuration.frozenStages) / 8
    return TimePlanner.Cost(
      epoch: full * size * size * (1 + 2 * backward) / 3, afterEpoch: full / 20, fixed: full / 5)
  }

  private func plan(
    _ seconds: Double, full: Double, _ limit: (inout TimeLimit) -> Void = { _ in },
    _ configuration: TrainingConfiguration? = nil
  ) throws -> (plan: TrainingConfiguration?, seconds: Double, measured: Int) {
    var time = TimeLimit(seconds: seconds)
    limit(&time)
    var measured = 0
    let planner = TimePlanner(time) { configuration in
      measured += 1
      return cost(configuration, full: full)
    }
    let result = try planner.plan(configuration ?? self.configuration, stages: 8)
    return (result.configuration, result.seconds, measured)
  }

  private func total(_ plan: TrainingConfiguration, full: Double) -> Double {
    let cost = cost(plan, full: full)
    let area = Double(plan.imageSize * plan.imageSize)
    return plan.stages.reduce(cost.fixed) { sum, stage in
      let share = Double(stage.imageSize * stage.imageSize) / area
      return sum + Double(stage.epochs.count) * (cost.epoch * share + cost.afterEpoch)
    }
  }

  @Test func muchTimeChangesEpochsAlone() throws {
    let result = try plan(1000, full: 10)
    let chosen = try #require(result.plan)
    #expect(chosen.imageSize == 224 && chosen.frozenStages == 0 && result.measured == 1)
    #expect(total(chosen, full: 10) <= 1000 && total(chosen, full: 10) > 900)
    #expect(chosen.schedule.warmupEpochs == 1)
  }

  @Test(arguments: [4.0, 6, 10, 20, 30, 45, 70, 100])
  func runsEndInTime(full: Double) throws {
    let result = try plan(60, full: full)
    let chosen = try #require(result.plan)
    #expect(total(chosen, full: full) <= 60)
    #expect(result.measured <= 3 && chosen.epochs >= 1)
    #expect(chosen.schedule.warmupEpochs <= Double(chosen.epochs) / 5)
  }

  @Test func littleTimeMakesImagesSmallerFirst() throws {
    let smaller = try #require(try plan(60, full: 12).plan)
    #expect(smaller.imageSize < 224 && smaller.frozenStages == 0 && smaller.epochs >= 5)
    let frozen = try #require(try plan(60, full: 25).plan)
    #expect(frozen.imageSize < smaller.imageSize && frozen.frozenStages > 0)
  }

  @Test func givenValuesStay() throws {
    // A fixed size leaves three candidates.
    let fixed = try plan(60, full: 25) { $0.choosesSize = false }
    let size = try #require(fixed.plan)
    #expect(size.imageSize == 224 && size.frozenStages > 0 && fixed.measured <= 3)
    let stages = try #require(try plan(60, full: 25) { $0.choosesFrozenStages = false }.plan)
    #expect(stages.frozenStages == 0)
    let epochs = try #require(try plan(60, full: 8) { $0.choosesEpochs = false }.plan)
    #expect(epochs.epochs == 10 && epochs.imageSize < 224)
  }

  @Test func progressiveRunsEndInTime() throws {
    var progressive = configuration
    progressive.apply(.s, lastImageSize: 224)
    let chosen = try #require(try plan(1000, full: 10, { _ in }, progressive).plan)
    #expect(total(chosen, full: 10) <= 1000 && total(chosen, full: 10) > 900)
  }

  @Test func tooLittleTimeIsRefused() throws {
    let result = try plan(1, full: 100)
    #expect(result.plan == nil && result.seconds > 1)
  }
}
