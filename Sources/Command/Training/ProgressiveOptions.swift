import ArgumentParser
import CNNZoo

/// Whether images and regularisation grow in stages, and from what; where they end is up to the other
/// options.
struct ProgressiveOptions: ParsableArguments {
  @Option(
    defaultAsFlag: ProgressiveLearning.Preset.s,
    help: ArgumentHelp(
      "Grow images and regularisation in stages, as EfficientNetV2-S, -M or -L does.",
      valueName: "preset"))
  var progressive: ProgressiveLearning.Preset?

  @Option(help: "Number of stages in progressive learning (default: 4).")
  var stages: Int?

  @Option(
    help: "Image side in the first stage (default: in proportion to --image-size, as the preset).")
  var startSize: Int?

  @Option(help: "Dropout in the first stage (default: the preset's).")
  var startDropout: Double?

  @Option(help: "RandAugment's magnitude in the first stage (default: the preset's).")
  var startRandAugment: Double?

  @Option(help: "Mixup's α in the first stage (default: the preset's).")
  var startMixup: Double?

  /// Applies the options for the first stage, after those for the last; one is enough for progressive
  /// learning.
  func apply(to configuration: inout TrainingConfiguration) {
    guard
      stages != nil || startSize != nil || startDropout != nil || startRandAugment != nil
        || startMixup != nil
    else { return }
    let last = configuration.lastStage
    var start =
      configuration.progressive
      ?? ProgressiveLearning(
        imageSize: last.imageSize, dropout: last.dropout,
        randAugmentMagnitude: last.randAugmentMagnitude ?? 0, mixupAlpha: last.mixupAlpha)
    start.stages = stages ?? start.stages
    start.imageSize = startSize ?? start.imageSize
    start.dropout = startDropout ?? start.dropout
    start.randAugmentMagnitude = startRandAugment ?? start.randAugmentMagnitude
    start.mixupAlpha = startMixup ?? start.mixupAlpha
    configuration.progressive = start
  }
}

extension ProgressiveLearning.Preset: ExpressibleByArgument {}
