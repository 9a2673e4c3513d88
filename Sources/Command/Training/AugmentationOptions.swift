import ArgumentParser
import CNNZoo

/// How training images vary from epoch to epoch; each option overrides a default.
struct AugmentationOptions: ParsableArguments {
  @Option(
    help: "Smallest share of an image in a random crop; 1 for no random crops (default: 0.35).")
  var cropArea: Double?

  @Flag(help: "Never mirror images.")
  var noFlip = false

  @Option(help: "Strength of RandAugment's operations, up to 30; 0 for none (default: 0).")
  var randAugment: Double?

  @Option(help: "RandAugment's operations on an image (default: 2).")
  var randAugmentOperations: Int?

  @Option(help: "Probability of erasing a rectangle (default: 0).")
  var erasing: Double?

  @Option(help: "α of mixup, which blends images and their labels; 0 for none (default: 0).")
  var mixup: Double?

  @Option(help: "α of CutMix, which pastes parts of other images; 0 for none (default: 0).")
  var cutmix: Double?

  /// Applies the options.
  func apply(to configuration: inout TrainingConfiguration) {
    if let cropArea { configuration.minimumCropArea = cropArea == 1 ? nil : cropArea }
    if noFlip { configuration.flips = false }
    if let randAugment { configuration.randAugmentMagnitude = randAugment == 0 ? nil : randAugment }
    if let randAugmentOperations { configuration.randAugmentOperations = randAugmentOperations }
    if let erasing { configuration.erasingProbability = erasing }
    if let mixup { configuration.mixupAlpha = mixup }
    if let cutmix { configuration.cutMixAlpha = cutmix }
  }
}
