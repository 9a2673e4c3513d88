import Testing
import Training

struct ProgressiveLearningTests {
  private func configuration(_ epochs: Int, stages: Int = 4) -> TrainingConfiguration {
    var configuration = TrainingConfiguration()
    configuration.epochs = epochs
    configuration.imageSize = 300
    configuration.dropout = 0.3
    configuration.randAugmentMagnitude = 15
    configuration.mixupAlpha = 0.3
    configuration.progressive = ProgressiveLearning(
      stages: stages, imageSize: 128, dropout: 0.1, randAugmentMagnitude: 5, mixupAlpha: 0)
    return configuration
  }

  /// Table 6 and figure 4 of the paper: 128 to 300 in four stages.
  @Test func stagesOfEfficientNetV2S() {
    let stages = configuration(350).stages
    #expect(stages.map(\.imageSize) == [128, 185, 243, 300])
    #expect(stages.map(\.epochs) == [0..<87, 87..<175, 175..<262, 262..<350])
    for (stage, expected) in zip(stages, [0.1, 1 / 6, 7 / 30, 0.3] as [Double]) {
      #expect(abs(stage.dropout - expected) < 1e-12)
    }
    for (stage, expected) in zip(stages, [5, 25 / 3, 35 / 3, 15] as [Double]) {
      #expect(abs((stage.randAugmentMagnitude ?? 0) - expected) < 1e-12)
    }
    for (stage, expected) in zip(stages, [0, 0.1, 0.2, 0.3]) {
      #expect(abs(stage.mixupAlpha - expected) < 1e-12)
    }
    #expect(stages.first?.dropout == 0.1 && stages.last?.dropout == 0.3)
  }

  @Test func stagesCoverEachEpochOnce() {
    for epochs in 1...40 {
      for count in 1...7 {
        let stages = configuration(epochs, stages: count).stages
        #expect(stages.count == min(count, epochs))
        #expect(stages.flatMap { Array($0.epochs) } == Array(0..<epochs))
        #expect(stages.allSatisfy { !$0.epochs.isEmpty })
        #expect(stages.last?.imageSize == 300 && stages.last?.dropout == 0.3)
        #expect(zip(stages, stages.dropFirst()).allSatisfy { $0.imageSize < $1.imageSize })
      }
    }
  }

  @Test func withoutItThereIsOneStage() {
    var constant = configuration(9)
    constant.progressive = nil
    #expect(
      constant.stages == [
        TrainingStage(
          epochs: 0..<9, imageSize: 300, dropout: 0.3, randAugmentMagnitude: 15, mixupAlpha: 0.3)
      ])
    // Without RandAugment at the end, there is none at the start.
    var plain = configuration(9)
    plain.randAugmentMagnitude = nil
    #expect(plain.stages.allSatisfy { $0.randAugmentMagnitude == nil })
  }

  @Test(
    arguments: [
      (ProgressiveLearning.Preset.s, 300, 0.3, 15, 0), (.m, 380, 0.4, 20, 0.2),
      (.l, 380, 0.5, 25, 0.5),
    ] as [(ProgressiveLearning.Preset, Int, Double, Double, Double)])
  func presets(
    preset: ProgressiveLearning.Preset, size: Int, dropout: Double, magnitude: Double, alpha: Double
  ) throws {
    var configuration = TrainingConfiguration()
    configuration.apply(preset)
    let stages = configuration.stages
    #expect(stages.count == 4)
    #expect(
      stages.first
        == TrainingStage(
          epochs: 0..<5, imageSize: 128, dropout: 0.1, randAugmentMagnitude: 5, mixupAlpha: 0))
    #expect(
      stages.last
        == TrainingStage(
          epochs: 15..<20, imageSize: size, dropout: dropout, randAugmentMagnitude: magnitude,
          mixupAlpha: alpha))
    // Another last size keeps the proportion.
    configuration.apply(preset, lastImageSize: size / 2)
    #expect(configuration.stages.first?.imageSize == 64)
  }

  @Test func rangesAreChecked() {
    for start in [
      ProgressiveLearning(stages: 0, imageSize: 64, dropout: 0.1),
      ProgressiveLearning(imageSize: 0, dropout: 0.1),
      ProgressiveLearning(imageSize: 64, dropout: 1),
      ProgressiveLearning(imageSize: 64, dropout: .nan),
      ProgressiveLearning(imageSize: 64, dropout: 0, randAugmentMagnitude: -1),
      ProgressiveLearning(imageSize: 64, dropout: 0, mixupAlpha: .infinity),
    ] {
      var configuration = configuration(3)
      configuration.progressive = start
      #expect(throws: TrainingConfigurationError.self) { try configuration.validate() }
    }
  }
}
