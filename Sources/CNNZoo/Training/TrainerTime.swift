import Host
import Images
import Training

extension Trainer {
  /// The configuration with which a run ends at the limit.
  ///
  /// - Parameter began: When the run's time began.
  /// - Throws: `TrainerError.tooLittleTime`; errors of a step.
  static func planned(
    _ start: TrainingStart, _ data: PreparedData, _ options: Options, limit: TimeLimit,
    began: MonotonicTime
  ) throws -> TrainingConfiguration {
    let network = try TrainedNetwork(
      start, labels: data.images.labels, images: data.images.training.count, options.configuration)
    let isPretrained = if case .weights = start { true } else { false }
    var limit = limit
    limit.seconds -= MonotonicTime().seconds - began.seconds
    limit.choosesFrozenStages = limit.choosesFrozenStages && isPretrained
    let planner = TimePlanner(limit) { try cost(start, data, options, $0) }
    let stages = (network.graph.nodes.compactMap(\.stage).max() ?? -1) + 1
    let plan = try planner.plan(options.configuration, stages: stages)
    guard let configuration = plan.configuration else {
      throw TrainerError.tooLittleTime(needed: plan.seconds, left: limit.seconds)
    }
    return configuration
  }

  /// Measures a few steps, and estimates the rest of a run from them.
  private static func cost(
    _ start: TrainingStart, _ data: PreparedData, _ options: Options,
    _ configuration: TrainingConfiguration
  ) throws -> TimePlanner.Cost {
    let network = try TrainedNetwork(
      start, labels: data.images.labels, images: data.images.training.count, configuration)
    let store = try ParameterStore(network.graph, configuration)
    try store.load(data.parameters(start, network.graph, seed: configuration.seed))
    var options = options
    options.configuration = configuration
    options.configuration.batch = try batch(network, store, data.images, options)
    let training = data.images.training.count
    let steps = EpochSteps(images: training, batch: options.configuration.batch)
    let seconds = try secondsPerImage(network, store, data, options, steps)
    let validation = data.images.validation.count
    let size = Double(network.info.preprocessing.crop) / Double(configuration.imageSize)
    // Inference takes about a fifth of a step, and decodes each time.
    let validating = Double(validation) * max(data.secondsPerImage, seconds * size * size / 5)
    let writing =
      Double(ParameterStore.bytes(network.graph, states: store.states.count)) / bytesPerSecond
    var fixed = validating * 3 + writing
    if configuration.batchNorm == .batch {
      let images = Double(min(training, statisticsImages))
      fixed += images * max(data.secondsPerImage, seconds * size * size / 3)
    }
    return TimePlanner.Cost(
      epoch: seconds * Double(training), afterEpoch: validating + writing, fixed: fixed)
  }

  /// A cautious estimate of what a disk writes in a second.
  private static let bytesPerSecond = 400e6

  /// The seconds that a step takes for each image, decoding and augmentation included.
  private static func secondsPerImage(
    _ network: TrainedNetwork, _ store: ParameterStore, _ data: PreparedData, _ options: Options,
    _ steps: EpochSteps
  ) throws -> Double {
    let configuration = options.configuration
    let session = try TrainingSession(
      network.graph, store,
      TrainingSession.Options(
        configuration, batch: steps.largest, threads: options.threads,
        recomputes: options.recomputes))
    let optimizer = try OptimizerStep(store, configuration)
    optimizer.resetStates()
    let batches = try TrainingBatches(
      data.images, reader: data.reader,
      settings: .init(configuration, network.info.preprocessing, configuration.lastStage),
      epochs: 0..<4, threads: options.threads)
    var (images, began, step) = (0, MonotonicTime(), 0)
    while let batch = try batches.next() {
      session.setInputs(batch)
      let key = RandomKey(seed: configuration.seed)
      _ = try session.addGradients(
        targets: batch.targets, keys: batch.entries.map { key[$0] })
      try optimizer.update(after: step, learningRate: 0, gradientFactor: 1, on: session.workers)
      step += 1
      // The first step warms up; short ones are repeated.
      if step == 1 {
        began = MonotonicTime()
        continue
      }
      images += batch.entries.count
      let seconds = MonotonicTime().seconds - began.seconds
      if seconds > 2 { break }
    }
    guard images > 0 else { return 0 }
    return (MonotonicTime().seconds - began.seconds) / Double(images)
  }
}

/// How long a run may take.
public struct TimeLimit: Sendable {
  /// Seconds from the start, reading the images included.
  public var seconds: Double
  /// Whether the image size may be reduced.
  public var choosesSize: Bool
  /// Whether the number of epochs is chosen.
  public var choosesEpochs: Bool
  /// Whether stages may be frozen.
  public var choosesFrozenStages: Bool

  /// A limit.
  public init(
    seconds: Double, choosesSize: Bool = true, choosesEpochs: Bool = true,
    choosesFrozenStages: Bool = true
  ) {
    self.seconds = seconds
    (self.choosesSize, self.choosesEpochs) = (choosesSize, choosesEpochs)
    self.choosesFrozenStages = choosesFrozenStages
  }
}
