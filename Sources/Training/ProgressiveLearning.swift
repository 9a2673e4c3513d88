/// Some consecutive epochs of a run with the same image size and regularisation.
public struct TrainingStage: Hashable, Sendable {
  /// The epochs, counted from 0.
  public var epochs: Range<Int>
  /// Side of the training images in pixels.
  public var imageSize: Int
  /// The probability of zeroing an input of the classifier.
  public var dropout: Double
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

  /// A start for a run that ends as configured.
  public init(stages: Int = 4, imageSize: Int, dropout: Double) {
    (self.stages, self.imageSize, self.dropout) = (stages, imageSize, dropout)
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
  }
}

extension TrainingConfiguration {
  /// The stages of the run, in order; without progressive learning there is one.
  ///
  /// The epochs are divided as equally as possible, and image sizes are rounded to whole pixels.
  public var stages: [TrainingStage] {
    guard let progressive, epochs > 0 else {
      return [TrainingStage(epochs: 0..<epochs, imageSize: imageSize, dropout: dropout)]
    }
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
        dropout: value(progressive.dropout, dropout))
    }
  }

  /// Uses a preset's settings of every stage.
  ///
  /// - Parameter size: The last image size; the first is in proportion.
  public mutating func apply(_ preset: ProgressiveLearning.Preset, lastImageSize size: Int? = nil) {
    let sizes = preset.imageSizes
    imageSize = size ?? sizes.last
    dropout = preset.dropouts.last
    let first = Double(sizes.first) * Double(imageSize) / Double(sizes.last)
    progressive = ProgressiveLearning(
      imageSize: max(1, Int(first.rounded())), dropout: preset.dropouts.first)
  }
}
