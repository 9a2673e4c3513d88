import Glibc
import Host
import Operators
import Training

/// Trains a network on images of a user's own classes.
///
/// ```swift
/// let network = try LoadedNetwork(ModelCatalog.model(named: "effnet-lite0"))
/// var options = Trainer.Options()
/// options.configuration.epochs = 5
/// let trainer = try Trainer(.weights(network), folder: "pets", output: "pets.safetensors", options)
/// if case .finished(let validation?, _) = try trainer.run() { print(validation.accuracy) }
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

  private let options: Options
  private let configuration: TrainingConfiguration
  private let images: TrainingImages
  private let reader: TrainingImageReader
  private let network: TrainedNetwork
  private let store: ParameterStore
  private let session: TrainingSession
  private let optimizer: OptimizerStep
  private let folder: RunFolder
  private var progress = TrainingProgress()
  /// The time of the last save.
  private var saved = MonotonicTime()

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
    let run = try RunFolder(
      new: RunFolder.path(forOutput: output), replacing: options.replacesRun)
    let data = try PreparedData(start, folder: folder, options, receive)
    let network = try TrainedNetwork(
      start, labels: data.images.labels, images: data.images.training.count, options.configuration)
    let store = try ParameterStore(network.graph, options.configuration)
    try store.load(data.parameters(start, network.graph, seed: options.configuration.seed))
    var options = options
    options.configuration.batch = try Self.batch(network.graph, store, data.images, options)
    try self.init(
      network, store, data, run, output: output, options, head: data.head)
    optimizer.resetStates()
    let header = RunHeader(
      identity: try identity(initialWeights: store.digest), processor: HostInfo.processor,
      threads: options.threads, time: time(nil), folder: Self.absolute(folder),
      includesHidden: options.includesHidden)
    try run.begin(header, store) {
      try images.writeList(to: run.images)
      try network.write(store, averages: false, options.configuration, to: run.last)
    }
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
      output: Self.output(ofRun: run.path), options, head: nil)
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
      optimizer.resetStates()
      try run.begin(header, store) {
        try images.writeList(to: run.images)
        try network.write(store, averages: false, configuration, to: run.last)
      }
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
    session = try TrainingSession(
      network.graph, store,
      TrainingSession.Options(configuration, batch: steps.largest, threads: options.threads))
    optimizer = OptimizerStep(
      store, optimizer: configuration.optimizer, weightDecay: configuration.weightDecay,
      clipNorm: configuration.clipNorm,
      average: configuration.averageDecay.map(WeightAverage.init(limit:)),
      kernels: try InstructionSet.selected().kernels)
    plan = Plan(
      model: network.model.name, configuration: configuration, labels: images.labels,
      trainingImages: training, validationImages: images.validation.count,
      stepsPerEpoch: steps.count,
      memoryBytes: session.memoryBytes
        + ParameterStore.bytes(network.graph, states: store.states.count),
      runFolder: folder.path,
      headAccuracy: head.map { Double($0.correct) / Double($0.classes.count) },
      resumed: nil)
  }

  private func identity(initialWeights: String) throws -> RunIdentity {
    RunIdentity(
      model: network.model.name, configuration: configuration, data: images.digest,
      initialWeights: initialWeights, program: options.program,
      instructionSet: try HostInfo.instructionSet(), store: store)
  }

  /// The largest batch up to the configured one that fits the limit on memory.
  private static func batch(
    _ graph: Graph, _ store: ParameterStore, _ images: TrainingImages, _ options: Options
  ) throws -> Int {
    let configuration = options.configuration
    guard let limit = options.memoryBytes else { return configuration.batch }
    let fixed = ParameterStore.bytes(graph, states: store.states.count)
    func bytes(_ batch: Int) throws -> Int {
      let largest = EpochSteps(images: max(2, images.training.count), batch: batch).largest
      return try fixed
        + TrainingSession.memoryBytes(
          graph, store, .init(configuration, batch: largest, threads: options.threads))
    }
    var batch = configuration.batch
    while batch > 2, try bytes(batch) > limit { batch -= max(1, batch / 16) }
    let needed = try bytes(batch)
    guard needed <= limit else { throw TrainerError.tooLittleMemory(needed: needed, limit: limit) }
    return batch
  }

  private static func absolute(_ path: String) -> String {
    guard !path.hasPrefix("/"), let directory = getcwd(nil, 0) else { return path }
    defer { free(directory) }
    return "\(String(cString: directory))/\(path)"
  }

  private static func output(ofRun path: String) -> String {
    (path.hasSuffix(".run") ? String(path.dropLast(4)) : path) + ".safetensors"
  }
}

// MARK: Running

extension Trainer {
  /// Trains until the last epoch is done or `shouldStop` says so, and writes the output.
  ///
  /// - Parameters:
  ///   - receive: Called after each step and epoch.
  ///   - shouldStop: Asked after each update; if true, the state is saved and the run ends.
  /// - Throws: `TrainerError.diverged`, `TrainingDataError`, `RunError`, errors of `receive`; the run can
  ///   be resumed.
  public func run(
    receive: (Event) throws -> Void = { _ in }, shouldStop: () -> Bool = { false }
  ) throws -> Outcome {
    let preprocessing = TrainingPreprocessing(
      network.info.preprocessing, size: configuration.imageSize,
      augmentation: Augmentation(
        minimumArea: configuration.minimumCropArea, flips: configuration.flips))
    saved = MonotonicTime()
    if progress.epoch < configuration.epochs {
      let batches = try TrainingBatches(
        images, reader: reader,
        settings: .init(
          preprocessing: preprocessing, batch: configuration.batch, seed: configuration.seed),
        epochs: progress.epoch..<configuration.epochs, firstStep: progress.step,
        threads: options.threads)
      while let batch = try batches.next() {
        try train(on: batch, receive)
        if progress.step == plan.stepsPerEpoch { try endEpoch(receive) }
        let isBetweenUpdates = progress.step % configuration.accumulation == 0
        if isBetweenUpdates, shouldStop(), progress.epoch < configuration.epochs {
          try folder.log?.append(.event(.stopped(reason: "interrupted")))
          try save()
          return .stopped
        }
        if isBetweenUpdates, isSaveDue { try save() }
      }
    }
    return try finish()
  }

  private var isSaveDue: Bool {
    if let steps = options.saveSteps, progress.step % steps == 0 { return progress.step > 0 }
    return MonotonicTime().seconds - saved.seconds > options.saveInterval
  }

  private func save() throws {
    try folder.save(store, progress)
    saved = MonotonicTime()
  }

  /// One step: gradients of a batch, and an update once enough of them are summed.
  private func train(on batch: TrainingBatch, _ receive: (Event) throws -> Void) throws {
    let start = MonotonicTime()
    let count = batch.values.count / batch.images.count
    for place in batch.images.indices {
      session.withInput(image: place) { input in
        _ = input.update(
          fromContentsOf: UnsafeBufferPointer(
            rebasing: batch.values[place * count..<(place + 1) * count]))
      }
    }
    let targets = batch.classes.map { index in
      images.labels.names.indices.map { $0 == index ? Float(1) : 0 }
    }
    let key = RandomKey(seed: configuration.seed)[batch.epoch][.regularization]
    let rate = learningRate
    do throws(TrainingError) {
      let result = try session.addGradients(targets: targets, keys: batch.images.map { key[$0] })
      progress.step += 1
      progress.sums.images += batch.images.count
      progress.sums.correct += result.correct
      progress.sums.loss += result.loss * Double(batch.images.count)
      let summed = (progress.step - 1) % configuration.accumulation + 1
      if summed == configuration.accumulation || progress.step == plan.stepsPerEpoch {
        try optimizer.update(
          after: progress.updates, learningRate: rate, gradientFactor: 1 / Double(summed),
          on: session.workers)
        progress.updates += 1
      }
      let seconds = MonotonicTime().seconds - start.seconds
      progress.sums.seconds += seconds
      try logged(
        LogRecord.Step(
          epoch: batch.epoch, step: batch.step, loss: result.loss, learningRate: rate,
          imagesPerSecond: Double(batch.images.count) / seconds))
    } catch {
      throw try failure(error, batch)
    }
    try receive(.step(step(batch, rate)))
  }

  private func logged(_ step: LogRecord.Step) throws(TrainingError) {
    // A log that cannot be written must not end the run: the next state says so.
    try? folder.log?.append(.step(step))
  }

  private func failure(_ error: TrainingError, _ batch: TrainingBatch) throws -> any Error {
    guard case .nonFinite(let place, let places) = error else { return error }
    let names = places.map { images.images[batch.images[$0]].name }
    try folder.log?.append(
      .event(.nonFinite(epoch: batch.epoch, step: batch.step, layer: place, images: names)))
    return TrainerError.diverged(place: place, images: names, runFolder: folder.path)
  }

  /// Updates in an epoch.
  private var updatesPerEpoch: Int {
    (plan.stepsPerEpoch + configuration.accumulation - 1) / configuration.accumulation
  }

  private var learningRate: Double {
    configuration.schedule.rate(
      step: progress.updates, stepsPerEpoch: updatesPerEpoch, epochs: configuration.epochs)
  }

  private func step(_ batch: TrainingBatch, _ rate: Double) -> Step {
    let sums = progress.sums
    let speed = Double(sums.images) / max(sums.seconds, 1e-9)
    let rest = (configuration.epochs - batch.epoch) * plan.trainingImages - sums.images
    return Step(
      epoch: batch.epoch, step: batch.step, loss: sums.loss / Double(sums.images),
      accuracy: Double(sums.correct) / Double(sums.images), learningRate: rate,
      imagesPerSecond: speed, remainingSeconds: Double(rest) / speed)
  }

  /// Writes the epoch's weights, validates them and saves the state.
  private func endEpoch(_ receive: (Event) throws -> Void) throws {
    let start = MonotonicTime()
    let averages = configuration.averageDecay != nil
    try network.write(store, averages: averages, configuration, to: folder.last)
    let validation = images.validation.isEmpty ? nil : try validate(folder.last)
    // Without validation, the last weights are the best.
    let figure = validation.map { -$0.logLoss }
    let isBest = figure.map { $0 > progress.best?.value ?? -.infinity } ?? true
    if isBest {
      try network.write(store, averages: averages, configuration, to: folder.best)
      progress.best = TrainingProgress.Best(epoch: progress.epoch, value: figure ?? 0)
    }
    let sums = progress.sums
    let epoch = Epoch(
      epoch: progress.epoch, loss: sums.loss / Double(sums.images),
      accuracy: Double(sums.correct) / Double(sums.images), validation: validation, isBest: isBest,
      seconds: sums.seconds + MonotonicTime().seconds - start.seconds)
    try folder.log?.append(.epoch(LogRecord.Epoch(epoch)))
    progress.epoch += 1
    (progress.step, progress.sums) = (0, TrainingProgress.Sums())
    try save()
    try receive(.epoch(epoch))
  }

  /// The validation images as `evaluate` classifies them.
  private func validate(_ weights: String) throws -> Evaluation {
    var settings = Classifier.Options()
    settings.threads = options.threads
    settings.maximumBatch = 8
    settings.decoding = options.decoding
    let classifier = try Classifier(model: network.model, weights: weights, options: settings)
    var evaluation = Evaluation(classCount: images.labels.count)
    var rest = images.validation[...]
    try classifier.classify(
      ImageInputs(images.validation.map { images.images[$0].input }), topK: .max
    ) { answer in
      let ranking = try answer.result.get()
      let index = rest.removeFirst()
      evaluation.add(
        truth: images.images[index].classIndex,
        ranking: ranking.map { ($0.index, $0.probability) })
    }
    return evaluation
  }

  /// Writes the output and validates it once more, as the file that users get.
  private func finish() throws -> Outcome {
    let best = try WeightFile(path: folder.best)
    var writer = SafetensorsWriter(metadata: best.metadata)
    for tensor in best.tensors { writer.append(tensor) }
    try writer.write(to: output)
    try folder.log?.append(.event(.finished))
    let validation = images.validation.isEmpty ? nil : try validate(output)
    return .finished(validation, bestEpoch: progress.best?.epoch ?? configuration.epochs - 1)
  }
}

extension LogRecord.Epoch {
  fileprivate init(_ epoch: Trainer.Epoch) {
    self.init(
      epoch: epoch.epoch, trainLoss: epoch.loss, trainAccuracy: epoch.accuracy,
      validation: epoch.validation.map {
        [("top1", $0.accuracy), ("log_loss", $0.logLoss), ("images", Double($0.count))]
      } ?? [], isBest: epoch.isBest, seconds: epoch.seconds)
  }
}
