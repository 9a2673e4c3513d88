import ArgumentParser
import CNNZoo

/// What `bench --train` measures; the defaults are those of `train --from-scratch`, but nothing is
/// dropped at random, so that all steps do the same work.
struct StepOptions: ParsableArguments {
  @Flag(help: "Measure a training step.")
  var train = false

  @Option(help: "Optimiser (default: rmsprop).")
  var optimizer: TrainingOptions.OptimizerName?

  @Option(help: "Decay of the weights' moving average; 0 for none (default: 0.999).")
  var ema: Double?

  @Option(help: "Statistics in batch norm: of each batch, or fixed (default: batch).")
  var batchNorm: TrainingConfiguration.BatchNorm?

  @Option(help: "Keep the stem and this many leading stages as they are (default: train all).")
  var freeze: Int?

  @Option(help: "Probability of dropping the last block, falling to 0 at the first (default: 0).")
  var stochasticDepth: Double?

  @Flag(help: "Recompute the largest map of each block instead of keeping it.")
  var recompute = false

  /// The configuration of the step.
  var configuration: TrainingConfiguration {
    var configuration = TrainingConfiguration.fromScratch
    if let optimizer { configuration.optimizer = optimizer.optimizer }
    if let ema { configuration.averageDecay = ema == 0 ? nil : ema }
    if let batchNorm { configuration.batchNorm = batchNorm }
    if let freeze { configuration.frozenStages = freeze }
    configuration.stochasticDepth = stochasticDepth ?? 0
    return configuration
  }

  /// Rejects values that are out of range, and names their options.
  func rejectValuesOutOfRange() throws {
    do {
      try configuration.validate()
    } catch {
      throw ValidationError(
        "\(Train.option(for: error.field)) is out of range: expected \(error.expected).")
    }
  }

  /// Rejects options that only a training step has.
  func rejectWithoutTraining() throws {
    for (option, isGiven) in [
      ("--optimizer", optimizer != nil), ("--ema", ema != nil),
      ("--batch-norm", batchNorm != nil), ("--freeze", freeze != nil),
      ("--stochastic-depth", stochasticDepth != nil), ("--recompute", recompute),
    ] where isGiven {
      throw ValidationError("\(option) is for a training step; add --train, or drop \(option).")
    }
  }
}

extension Bench {
  /// Rejects options that would have no effect on a training step.
  func rejectOptionsOfInference() throws {
    if weights != nil {
      throw ValidationError("--train starts from random weights; drop --weights.")
    }
    if reading.noEma {
      throw ValidationError("--no-ema is for weight files; with --train, use --ema 0.")
    }
    try compute.rejectUntrainablePrecision(hint: "int8 and auto are for inference")
    if compute.backend != .auto {
      throw ValidationError(
        "Networks are trained with the built-in kernels; --backend is for inference.")
    }
  }
}
