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

  @Option(help: "Passes over the training images.")
  var epochs: Int?

  @Option(help: "Images per step.")
  var batch: Int?

  @Option(help: "Average the gradients of this many batches for each update.")
  var accumulate: Int?

  @Option(help: "Side of the training images in pixels (default: that of the weights).")
  var imageSize: Int?

  @Option(help: "Seed of everything random.")
  var seed: UInt64?

  @Option(
    name: .customLong("val"),
    help: "Share of the images for validation, unless FOLDER has a val folder.")
  var validation: Double?

  @Option(help: "Optimiser.")
  var optimizer: OptimizerName?

  @Option(name: .customLong("lr"), help: "Peak learning rate.")
  var learningRate: Double?

  @Option(help: "How the learning rate falls.")
  var schedule: ScheduleName?

  @Option(help: "Epochs in which the learning rate rises to its peak.")
  var warmup: Double?

  @Option(help: "Factor of the learning rate from each stage to the one before it.")
  var layerDecay: Double?

  @Option(help: "Keep the stem and this many leading stages as they are.")
  var freeze: Int?

  @Option(
    help: "Statistics in batch norm: of each batch, or fixed (default with pretrained weights).")
  var batchNorm: TrainingConfiguration.BatchNorm?

  @Option(help: "Weight decay; not applied to biases and batch norm.")
  var weightDecay: Double?

  @Option(help: "Largest norm of the gradient; longer ones are shortened to it.")
  var clip: Double?

  @Option(help: "Decay of the weights' moving average; 0 for none.")
  var ema: Double?

  @Option(help: "Loss: softmax for one class per image, sigmoid for independent classes.")
  var loss: TrainingConfiguration.Loss?

  @Option(help: "Label smoothing.")
  var labelSmoothing: Double?

  @Option(help: "Dropout before the classifier.")
  var dropout: Double?

  @Option(help: "Probability of dropping the last block; it falls to 0 at the first.")
  var stochasticDepth: Double?

  @Option(help: "Smallest share of an image in a random crop; 1 for no random crops.")
  var cropArea: Double?

  @Flag(help: "Never mirror images.")
  var noFlip = false

  func validate() throws {
    var configuration = TrainingConfiguration()
    apply(to: &configuration)
    do {
      try configuration.validate()
    } catch {
      throw ValidationError(
        "\(Self.option(for: error.field)) is out of range: expected \(error.expected).")
    }
  }

  /// The option for a field of the configuration.
  private static func option(for field: String) -> String {
    switch field {
    case "accumulation": "--accumulate"
    case "validation_share": "--val"
    case "minimum_crop_area": "--crop-area"
    case "average_decay": "--ema"
    case "clip_norm": "--clip"
    case "frozen_stages": "--freeze"
    case "schedule.rate": "--lr"
    case "schedule.warmup_epochs": "--warmup"
    default: "--" + String(field.map { $0 == "_" ? "-" : $0 })
    }
  }

  /// Applies the options.
  func apply(to configuration: inout TrainingConfiguration) {
    func set<Value>(_ property: WritableKeyPath<TrainingConfiguration, Value>, _ value: Value?) {
      if let value { configuration[keyPath: property] = value }
    }
    set(\.epochs, epochs)
    set(\.batch, batch)
    set(\.accumulation, accumulate)
    set(\.imageSize, imageSize)
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
    if let cropArea { configuration.minimumCropArea = cropArea == 1 ? nil : cropArea }
    if noFlip { configuration.flips = false }
  }
}

extension TrainingConfiguration.Loss: ExpressibleByArgument {}
extension TrainingConfiguration.BatchNorm: ExpressibleByArgument {}

/// An amount of memory: `512M`, `4G`, or bytes.
struct ByteCount: ExpressibleByArgument {
  let bytes: Int

  init?(argument: String) {
    let units: [Character: Int] = ["K": 1 << 10, "M": 1 << 20, "G": 1 << 30]
    let unit = argument.last.flatMap { units[Character($0.uppercased())] }
    let digits = unit == nil ? argument[...] : argument.dropLast()
    guard let number = Int(digits), number >= 0 else { return nil }
    let product = number.multipliedReportingOverflow(by: unit ?? 1)
    guard !product.overflow else { return nil }
    bytes = product.partialValue
  }
}

/// Where and how a run saves, and the memory that it may take; none of this changes the result.
struct RunOptions: ParsableArguments {
  @Option(
    help: "Memory for parameters, feature maps and gradients, such as 4G; makes the batch fit.")
  var memory: ByteCount?

  @Option(help: "Memory for decoded images, such as 512M (default: 1G).")
  var cacheMemory: ByteCount?

  @Option(help: "Save the state after this many steps (default: every 5 minutes and epoch).")
  var saveEvery: Int?

  @Flag(help: "Replace an earlier run in the run folder.")
  var overwrite = false

  func validate() throws {
    if let saveEvery, saveEvery < 1 {
      throw ValidationError("--save-every must be at least 1.")
    }
  }

  func apply(to options: inout Trainer.Options) {
    options.memoryBytes = memory?.bytes
    if let cacheMemory { options.cacheBytes = cacheMemory.bytes }
    options.saveSteps = saveEvery
    options.replacesRun = overwrite
    options.program = BuildVersion.text
  }
}
