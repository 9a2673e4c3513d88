import ArgumentParser
import CNNZoo

/// How the whole network is trained; each option overrides a default.
struct TrainingOptions: ParsableArguments {
  enum OptimizerName: String, CaseIterable, ExpressibleByArgument {
    case sgd, rmsprop, adamw

    var optimizer: Optimizer {
      switch self {
      case .sgd: .sgd()
      case .rmsprop: .rmsProp()
      case .adamw: .adamW()
      }
    }
  }

  enum ScheduleName: String, CaseIterable, ExpressibleByArgument {
    case cosine, staircase, constant

    var decay: LearningRateSchedule.Decay {
      switch self {
      case .cosine: .cosine
      case .staircase: LearningRateSchedule.staircase(rate: 1).decay
      case .constant: .constant
      }
    }
  }

  @Option(help: "Passes over the training images (default: 10; from scratch 20).")
  var epochs: Int?

  @Option(help: "Images per step (default: 32).")
  var batch: Int?

  @Option(help: "Average the gradients of this many batches for each update (default: 1).")
  var accumulate: Int?

  @Option(
    help: "Side of the training images in pixels (default: that of the weights; from scratch 128).")
  var imageSize: Int?

  @Option(
    help:
      "Image side at inference (default: --image-size, or up to a third more as in the weights).")
  var inferenceSize: Int?

  @Option(help: "Stop after this many epochs without a lower validation loss (default: never).")
  var patience: Int?

  @Option(help: "Make small classes count as much as large ones (default: none).")
  var balance: TrainingConfiguration.Balance?

  @Option(help: "Seed of everything random (default: 0).")
  var seed: UInt64?

  @Option(
    name: .customLong("val"),
    help: "Share of the images for validation, unless FOLDER has a val folder (default: 0.15).")
  var validation: Double?

  @Option(help: "Optimiser (default: adamw; from scratch rmsprop).")
  var optimizer: OptimizerName?

  @Option(
    name: .customLong("lr"), help: "Peak learning rate (default: 0.0003; from scratch 0.001).")
  var learningRate: Double?

  @Option(help: "How the learning rate falls (default: cosine).")
  var schedule: ScheduleName?

  @Option(
    help: "Epochs in which the learning rate rises to its peak (default: 1; from scratch 2).")
  var warmup: Double?

  @Option(help: "Factor of the learning rate from each stage to the one before it (default: 1).")
  var layerDecay: Double?

  @Option(help: "Keep the stem and this many leading stages as they are (default: train all).")
  var freeze: Int?

  @Option(
    help: "Statistics in batch norm: of each batch, or fixed (default: fixed; from scratch batch).")
  var batchNorm: TrainingConfiguration.BatchNorm?

  @Option(
    help: "Weight decay, not of biases and batch norm (default: 0.01; from scratch 1e-5).")
  var weightDecay: Double?

  @Option(help: "Largest norm of the gradient; longer ones are shortened to it (default: none).")
  var clip: Double?

  @Option(
    help: "Decay of the weights' moving average; 0 for none (default: 0.99; from scratch 0.999).")
  var ema: Double?

  @Option(
    help:
      "softmax for one class per image, or sigmoid for independent classes (default: softmax).")
  var loss: TrainingConfiguration.Loss?

  @Option(help: "Share of each target spread over all classes (default: 0.1).")
  var labelSmoothing: Double?

  @Option(help: "Dropout before the classifier (default: 0.2).")
  var dropout: Double?

  @Option(
    help:
      "Probability of dropping the last block, falling to 0 at the first (default: 0.1; from scratch 0.2)."
  )
  var stochasticDepth: Double?

  /// Applies the options.
  func apply(to configuration: inout TrainingConfiguration) {
    func set<Value>(_ property: WritableKeyPath<TrainingConfiguration, Value>, _ value: Value?) {
      if let value { configuration[keyPath: property] = value }
    }
    set(\.epochs, epochs)
    set(\.batch, batch)
    set(\.accumulation, accumulate)
    set(\.imageSize, imageSize)
    if let inferenceSize { configuration.inferenceSize = inferenceSize }
    if let patience { configuration.patience = patience }
    set(\.balance, balance)
    set(\.seed, seed)
    set(\.validationShare, validation)
    set(\.optimizer, optimizer?.optimizer)
    set(\.schedule.rate, learningRate)
    set(\.schedule.decay, schedule?.decay)
    set(\.schedule.warmupEpochs, warmup)
    set(\.layerDecay, layerDecay)
    set(\.frozenStages, freeze)
    set(\.batchNorm, batchNorm)
    set(\.weightDecay, weightDecay)
    set(\.loss, loss)
    set(\.labelSmoothing, labelSmoothing)
    set(\.dropout, dropout)
    set(\.stochasticDepth, stochasticDepth)
    if let clip { configuration.clipNorm = clip }
    if let ema { configuration.averageDecay = ema == 0 ? nil : ema }
  }
}

extension TrainingConfiguration.Loss: ExpressibleByArgument {}
extension TrainingConfiguration.BatchNorm: ExpressibleByArgument {}
extension TrainingConfiguration.Balance: ExpressibleByArgument {}
