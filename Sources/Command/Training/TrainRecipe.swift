import ArgumentParser
import CNNZoo

/// The training configuration and the options that it comes from.
extension Train {
  /// Applies all options.
  ///
  /// - Parameter usesPresetSize: Whether the last image size is that of the preset by default, rather than
  ///   the configuration's.
  func apply(to configuration: inout TrainingConfiguration, usesPresetSize: Bool = false) {
    if let preset = progressive.progressive {
      let size = training.imageSize ?? (usesPresetSize ? nil : configuration.imageSize)
      configuration.apply(preset, lastImageSize: size)
    }
    training.apply(to: &configuration)
    augmentation.apply(to: &configuration)
    progressive.apply(to: &configuration)
    if !headOnly, let precision = network.compute.precision, precision.canTrain {
      configuration.precision = network.compute.trainingPrecision
    }
  }

  /// Rejects values that are out of range, and names their options.
  func rejectValuesOutOfRange() throws {
    var configuration = TrainingConfiguration()
    apply(to: &configuration, usesPresetSize: true)
    do {
      try configuration.validate()
    } catch {
      throw ValidationError(
        "\(Self.option(for: error.field)) is out of range: expected \(error.expected).")
    }
  }

  /// The option for a field of the configuration.
  static func option(for field: String) -> String {
    switch field {
    case "accumulation": "--accumulate"
    case "validation_share": "--val"
    case "minimum_crop_area": "--crop-area"
    case "rand_augment_magnitude": "--rand-augment"
    case "erasing_probability": "--erasing"
    case "mixup_alpha": "--mixup"
    case "cutmix_alpha": "--cutmix"
    case "average_decay": "--ema"
    case "clip_norm": "--clip"
    case "frozen_stages": "--freeze"
    case "schedule.rate": "--lr"
    case "schedule.warmup_epochs": "--warmup"
    case "progressive.stages": "--stages"
    case "progressive.image_size": "--start-size"
    case "progressive.dropout": "--start-dropout"
    case "progressive.rand_augment_magnitude": "--start-rand-augment"
    case "progressive.mixup_alpha": "--start-mixup"
    default: "--" + String(field.map { $0 == "_" ? "-" : $0 })
    }
  }

  /// The options that a plan for a limited time amounts to; given instead, they yield the same bits.
  static func chosen(
    _ plan: TrainingConfiguration, since configuration: TrainingConfiguration
  ) -> String {
    var options = ["--epochs \(plan.epochs)", "--image-size \(plan.imageSize)"]
    if plan.frozenStages != configuration.frozenStages {
      options.append("--freeze \(plan.frozenStages)")
    }
    if plan.schedule.warmupEpochs != configuration.schedule.warmupEpochs {
      options.append("--warmup \(plan.schedule.warmupEpochs)")
    }
    if plan.batch != configuration.batch { options.append("--batch \(plan.batch)") }
    // Without the option, the first size would be in proportion to the last.
    if let start = plan.progressive { options.append("--start-size \(start.imageSize)") }
    return options.joined(separator: " ")
  }
}
