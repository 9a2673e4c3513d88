import Glibc
import Host
import Operators
import Training

/// Trains a network on images of a user's own classes.
///
/// ```swift
/// let network = try LoadedNetwork(ModelCatalog.model(named: "effnet-lite0"))
/// var options = Trainer.Options()
/// options.configuration = .fineTuning
/// options.configuration.epochs = 5
/// let trainer = try Trainer(.weights(network), folder: "pets", output: "pets.safetensors", options)
/// if case .finished(let result) = try trainer.run(), let validation = result.validation {
///   print(validation.accuracy, validation.accuracyInterval)
///   for image in try trainer.report(result).suspects.prefix(10) {
///     print("\(image.name) is labelled \(image.label), but looks like \(image.answer)")
///   }
/// }
/// ```
///
/// A run keeps its log and states in a folder beside the output, `pets.run`. After any interruption,
/// `Trainer(resuming:)` continues it, and the result has the same bits as without. They depend on the
/// configuration, the images, the initial weights, the program and the instruction set, but not on the
/// number of threads.
public final class Trainer {
  /// What the run does.
  public private(set) var plan: Plan
  /// Path of the weight file that the run writes.
  public let output: String

  let options: Options
  let configuration: TrainingConfiguration
  let images: TrainingImages
  let reader: TrainingImageReader
  let network: TrainedNetwork
  let store: ParameterStore
  let optimizer: OptimizerStep
  let folder: RunFolder
  /// The network in training; `nil` between two stages.
  var session: TrainingSession?
  /// How far the run has come.
  var progress = TrainingProgress()
  /// The time of the last save.
  var saved = MonotonicTime()

  /// Prepares a new run: reads all images once, chooses those for validation, fits the closed-form head
  /// and plans the memory.
  ///
  /// - Parameters:
  ///   - images: The path of a folder with one folder per class; see `TrainingImages`.
  ///   - output: The path of the weight file to write.
  ///   - receive: Called with what happens meanwhile.
  /// - Throws: `TrainingConfigurationError`, `RunError`, `TrainerError`, `TrainingError`; errors of
  ///   `TrainingImages`, `HeadTrainer` and `LoadedNetwork`.
  public convenience init(
    _ start: TrainingStart, folder: String, output: String, _ options: Options,
    receive: (Event) throws -> Void = { _ in }
  ) throws {
    try options.configuration.validate()
    let began = MonotonicTime()
    try start.validate(options.configuration)
    let run = try RunFolder(
      new: RunFolder.path(forOutput: output), replacing: options.replacesRun)
    let data = try PreparedData(start, folder: folder, options, receive)
    var options = options
    if let limit = options.timeLimit {
      options.configuration = try Self.planned(start, data, options, limit: limit, began: began)
    }
    let network = try TrainedNetwork(
      start, labels: data.images.labels, images: data.images.training.count, options.configuration)
    let store = try ParameterStore(network.graph, options.configuration)
    try store.load(data.parameters(start, network.graph, seed: options.configuration.seed))
    options.configuration.batch = try Self.batch(network, store, data.images, options)
    try self.init(
      network, store, data, run, output: output, options, head: data.head)
    optimizer.resetStates()
    let header = RunHeader(
      identity: try identity(initialWeights: store.digest), processor: HostInfo.processor,
      threads: options.threads, time: time(nil), folder: Self.absolute(folder),
      output: Self.absolute(output), includesHidden: options.includesHidden,
      command: options.command)
    try run.begin(header, store) {
      try images.writeList(to: run.images)
      try data.findings.write(images, to: run.findings)
      try network.write(store, averages: false, options.configuration, to: run.last)
      if data.head != nil { try network.writeHead(store, to: run.head) }
    }
    try run.log?.append(.event(.planned(configuration.stages)))
    for failure in images.failures {
      try run.log?.append(.event(.warning("\(failure.name): \(failure.error.reason)")))
    }
  }

  /// Prepares to continue an interrupted run.
  ///
  /// - Parameters:
  ///   - path: The run's folder.
  ///   - configure: Changes the configuration with which the run began; any change is refused.
  /// - Throws: `RunError.changed` if anything that determines the result is different, naming all of it;
  ///   other errors of `RunError`; `TrainingDataError`; errors of `LoadedNetwork`.
  public convenience init(
    resuming path: String, _ options: Options,
    configure: (inout TrainingConfiguration) -> Void = { _ in },
    receive: (Event) throws -> Void = { _ in }
  ) throws {
    let run = try RunFolder(existing: path)
    guard let header = run.header else { throw RunError.noRun(path: path) }
    var options = options
    options.configuration = header.identity.configuration
    configure(&options.configuration)
    options.includesHidden = header.includesHidden
    let reader = TrainingImageReader(decoding: options.decoding, cacheBytes: options.cacheBytes)
    let images = try TrainingImages(
      folder: header.folder, includesHidden: header.includesHidden, resuming: run.images,
      reader: reader, threads: options.threads)
    let network = try TrainedNetwork(
      resuming: LoadedNetwork(ModelCatalog.model(named: header.identity.model), weights: run.last),
      header.identity.configuration)
    let store = try ParameterStore(network.graph, header.identity.configuration)
    try self.init(
      network, store, PreparedData(images: images, reader: reader), run,
      output: header.output, options, head: nil)
    if let resumed = try run.resume(
      store, as: try identity(initialWeights: header.identity.initialWeights),
      limits: .init(
        epochs: configuration.epochs, steps: plan.stepsPerEpoch, images: plan.trainingImages))
    {
      progress = resumed.progress
      plan.resumed = (progress.epoch, progress.step)
      for warning in resumed.warnings { try receive(.warning(warning)) }
    } else {
      // The run ended before its first state; the first weights are there.
      try store.load(LoadedNetwork(network.model, weights: run.last).parameters)
      guard store.digest == header.identity.initialWeights else {
        throw RunError.damaged(path: run.last, reason: "not the weights that the run began with")
      }
      optimizer.resetStates()
      try run.begin(header, store)
    }
  }

  private init(
    _ network: TrainedNetwork, _ store: ParameterStore, _ data: PreparedData, _ folder: RunFolder,
    output: String, _ options: Options, head: TrainedHead?
  ) throws {
    (self.network, self.store, self.folder) = (network, store, folder)
    (self.options, self.output, configuration) = (options, output, options.configuration)
    (images, reader) = (data.images, data.reader)
    let training = images.training.count
    guard training > 1 else { throw TrainerError.fewImages(training) }
    let steps = EpochSteps(images: training, batch: configuration.batch)
    optimizer = try OptimizerStep(store, configuration)
    plan = Plan(
      model: network.model.name, configuration: configuration, labels: images.labels,
      trainingImages: training, validationImages: images.validation.count,
      stepsPerEpoch: steps.count,
      memoryBytes: try Self.bytes(
        network, store, configuration, batch: steps.largest, options),
      runFolder: folder.path,
      headAccuracy: head.map { Double($0.correct) / Double($0.classes.count) },
      resumed: nil)
  }

  private func identity(initialWeights: String) throws -> RunIdentity {
    RunIdentity(
      model: network.model.name, configuration: configuration, data: images.digest,
      initialWeights: initialWeights, program: options.program,
      instructionSet: try HostInfo.instructionSet(for: configuration.precision), store: store)
  }

  /// The largest batch up to the configured one that fits the limit on memory.
  static func batch(
    _ network: TrainedNetwork, _ store: ParameterStore, _ images: TrainingImages,
    _ options: Options
  ) throws -> Int {
    let configuration = options.configuration
    guard let limit = options.memoryBytes else { return configuration.batch }
    func needed(_ batch: Int) throws -> Int {
      let largest = EpochSteps(images: max(2, images.training.count), batch: batch).largest
      return try bytes(network, store, configuration, batch: largest, options)
    }
    var batch = configuration.batch
    while batch > 2, try needed(batch) > limit { batch -= max(1, batch / 16) }
    let least = try needed(batch)
    guard least <= limit else { throw TrainerError.tooLittleMemory(needed: least, limit: limit) }
    return batch
  }

  /// Bytes of parameters, feature maps and gradients in the stage that takes most.
  private static func bytes(
    _ network: TrainedNetwork, _ store: ParameterStore, _ configuration: TrainingConfiguration,
    batch: Int, _ options: Options
  ) throws -> Int {
    let sessions = try configuration.stages.map { stage in
      try TrainingSession.memoryBytes(
        network.graph(of: stage), store,
        .init(
          configuration, batch: batch, threads: options.threads, recomputes: options.recomputes))
    }
    return (sessions.max() ?? 0) + ParameterStore.bytes(network.graph, states: store.states.count)
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }
}
