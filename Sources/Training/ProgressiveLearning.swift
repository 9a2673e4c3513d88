/// Some consecutive epochs of a run with the same image size and regularisation.
public struct TrainingStage: Hashable, Sendable {
  /// The epochs, counted from 0.
  public var epochs: Range<Int>
  /// Side of the training images in pixels.
  public var imageSize: Int
  /// The probability of zeroing an input of the classifier.
  public var dropout: Double
  /// The strength of RandAugment's operations; `nil` for no RandAugment.
  public var randAugmentMagnitude: Double?
  /// The α of mixup; 0 for no mixup.
  public var mixupAlpha: Double

  /// A stage.
  public init(
    epochs: Range<Int>, imageSize: Int, dropout: Double, randAugmentMagnitude: Double? = nil,
    mixupAlpha: Double = 0
  ) {
    (self.epochs, self.imageSize, self.dropout) = (epochs, imageSize, dropout)
    (self.randAugmentMagnitude, self.mixupAlpha) = (randAugmentMagnitude, mixupAlpha)
  }
}

/// Where progressive learning begins: small images with weak regularisation.
///
/// Image size, dropout, RandAugment's magnitude and mixup's α grow linearly from stage to stage; the
/// last stage has the configuration's own values (Tan & Le 2021, arXiv 2104.00298, section 4.2). Weights,
/// batch norm's statistics and the optimiser's state are passed on.
public struct ProgressiveLearning: Hashable, Sendable {
  /// The number of stages; a run of fewer epochs has as many as epochs.
  public var stages = 4
  /// Side of the images in the first stage.
  public var imageSize: Int
  /// Dropout in the first stage.
  public var dropout: Double
  /// RandAugment's magnitude in the first stage; not used if the run ends without RandAugment.
  public var randAugmentMagnitude: Double
  /// Mixup's α in the first stage.
  public var mixupAlpha: Double

  /// A start for a run that ends as configured.
  public init(
    stages: Int = 4, imageSize: Int, dropout: Double, randAugmentMagnitude: Double = 0,
    mixupAlpha: Double = 0
  ) {
    (self.stages, self.imageSize, self.dropout) = (stages, imageSize, dropout)
    (self.randAugmentMagnitude, self.mixupAlpha) = (randAugmentMagnitude, mixupAlpha)
  }
}

extension ProgressiveLearning {
  /// The settings of EfficientNetV2's networks (table 6 of the paper).
  public enum Preset: String, Hashable, Sendable, CaseIterable {
    case s, m, l

    /// The first and last image size.
    public var imageSizes: (first: Int, last: Int) { self == .s ? (128, 300) : (128, 380) }

    /// The first and last dropout.
    public var dropouts: (first: Double, last: Double) {
      switch self {
      case .s: (0.1, 0.3)
      case .m: (0.1, 0.4)
      case .l: (0.1, 0.5)
      }
    }

    /// The first and last magnitude of RandAugment.
    public var randAugmentMagnitudes: (first: Double, last: Double) {
      switch self {
      case .s: (5, 15)
      case .m: (5, 20)
      case .l: (5, 25)
      }
    }

    /// The first and last α of mixup.
    public var mixupAlphas: (first: Double, last: Double) {
      switch self {
      case .s: (0, 0)
      case .m: (0, 0.2)
      case .l: (0, 0.5)
      }
    }
  }
}

extension TrainingConfiguration {
  /// The stages of the run, in order; without progressive learning there is one.
  ///
  /// The epochs are divided as equally as possible, and image sizes are rounded to whole pixels.
  public var stages: [TrainingStage] {
    guard let progressive, epochs > 0 else { return [lastStage] }
    let count = max(1, min(progressive.stages, epochs))
    return (0..<count).map { index in
      let share = count > 1 ? Double(index) / Double(count - 1) : 1
      func value(_ first: Double, _ last: Double) -> Double {
        // Exactly the endpoints at both ends.
        index == count - 1 ? last : first + (last - first) * share
      }
      return TrainingStage(
        epochs: epochs * index / count..<epochs * (index + 1) / count,
        imageSize: Int(value(Double(progressive.imageSize), Double(imageSize)).rounded()),
        dropout: value(progressive.dropout, dropout),
        randAugmentMagnitude: randAugmentMagnitude.map {
          value(progressive.randAugmentMagnitude, $0)
        },
        mixupAlpha: value(progressive.mixupAlpha, mixupAlpha))
    }
  }

  /// The configuration's own values, for all epochs.
  public var lastStage: TrainingStage {
    TrainingStage(
      epochs: 0..<epochs, imageSize: imageSize, dropout: dropout,
      randAugmentMagnitude: randAugmentMagnitude, mixupAlpha: mixupAlpha)
  }

  /// Uses a preset's settings of every stage.
  ///
  /// - Parameter size: The last image size; the first is in proportion.
  public mutating func apply(_ preset: ProgressiveLearning.Preset, lastImageSize size: Int? = nil) {
    let sizes = preset.imageSizes
    imageSize = size ?? sizes.last
    dropout = preset.dropouts.last
    randAugmentMagnitude = preset.randAugmentMagnitudes.last
    mixupAlpha = preset.mixupAlphas.last
    let first = Double(sizes.first) * Double(imageSize) / Double(sizes.last)
    progressive = ProgressiveLearning(
      imageSize: max(1, Int(first.rounded())), dropout: preset.dropouts.first,
      randAugmentMagnitude: preset.randAugmentMagnitudes.first,
      mixupAlpha: preset.mixupAlphas.first)
  }
}
