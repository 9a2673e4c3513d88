import Host
import Images
import Inference
import Training

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
    let head = try validateHead()
    if let head { try receive(.head(head)) }
    saved = MonotonicTime()
    for stage in configuration.stages
    where progress.epoch < stage.epochs.upperBound && !isStoppedEarly {
      guard try train(stage, receive, shouldStop) else { return .stopped }
    }
    return .finished(try finish(head))
  }

  /// Trains the rest of a stage.
  ///
  /// - Returns: Whether the run goes on; if not, its state is saved.
  private func train(
    _ stage: TrainingStage, _ receive: (Event) throws -> Void, _ shouldStop: () -> Bool
  ) throws -> Bool {
    let first = max(progress.epoch, stage.epochs.lowerBound)
    let steps = EpochSteps(images: plan.trainingImages, batch: configuration.batch)
    // Memory of the stage before is freed first.
    session = nil
    let session = try TrainingSession(
      network.graph(of: stage), store,
      TrainingSession.Options(
        configuration, classWeights: images.classWeights(configuration.balance),
        batch: steps.largest, threads: options.threads, recomputes: options.recomputes))
    self.session = session
    if configuration.progressive != nil { try receive(.stage(stage)) }
    let batches = try TrainingBatches(
      images, reader: reader,
      settings: .init(configuration, network.info.preprocessing, stage),
      epochs: first..<stage.epochs.upperBound, firstStep: progress.step, threads: options.threads)
    while let batch = try batches.next() {
      try train(session, on: batch, stage, receive)
      if progress.step == plan.stepsPerEpoch {
        try endEpoch(stage, receive)
        if isStoppedEarly {
          try folder.log?.append(.event(.stoppedEarly(epoch: progress.epoch)))
          break
        }
      }
      let isBetweenUpdates = progress.step % configuration.accumulation == 0
      if isBetweenUpdates, shouldStop(), progress.epoch < configuration.epochs {
        try folder.log?.append(.event(.stopped(reason: "interrupted")))
        try save()
        return false
      }
      if isBetweenUpdates, isSaveDue { try save() }
    }
    return true
  }

  /// Whether the validation loss has not improved for as long as the configuration allows.
  private var isStoppedEarly: Bool {
    guard let patience = configuration.patience, let best = progress.best,
      let last = configuration.stages.last
    else { return false }
    return progress.epoch - max(best.epoch + 1, last.epochs.lowerBound) >= patience
  }

  private var isSaveDue: Bool {
    if let steps = options.saveSteps, progress.step % steps == 0 { return progress.step > 0 }
    return MonotonicTime().seconds - saved.seconds > options.saveInterval
  }

  private func save() throws {
    try requireFiniteParameters()
    try folder.save(store, progress)
    saved = MonotonicTime()
  }

  /// One step: gradients of a batch, and an update once enough of them are summed.
  private func train(
    _ session: TrainingSession, on batch: TrainingBatch, _ stage: TrainingStage,
    _ receive: (Event) throws -> Void
  ) throws {
    let start = MonotonicTime()
    session.setInputs(batch)
    let key = RandomKey(seed: configuration.seed)[batch.epoch][.regularization]
    let rate = learningRate
    let record: LogRecord.Step
    do throws(TrainingError) {
      let result = try session.addGradients(
        targets: batch.targets,
        keys: batch.entries.map { key[$0] })
      progress.step += 1
      progress.sums.images += batch.entries.count
      progress.sums.correct += result.correct
      progress.sums.loss += result.loss * Double(batch.entries.count)
      let summed = (progress.step - 1) % configuration.accumulation + 1
      if summed == configuration.accumulation || progress.step == plan.stepsPerEpoch {
        try optimizer.update(
          after: progress.updates, learningRate: rate, gradientFactor: 1 / Double(summed),
          on: session.workers)
        progress.updates += 1
      }
      let seconds = MonotonicTime().seconds - start.seconds
      progress.sums.seconds += seconds
      record = LogRecord.Step(
        epoch: batch.epoch, step: batch.step, loss: result.loss, learningRate: rate,
        imagesPerSecond: Double(batch.entries.count) / seconds)
    } catch {
      throw try failure(error, batch)
    }
    try folder.log?.append(.step(record))
    try receive(.step(step(batch, stage, rate)))
  }

  private func failure(_ error: TrainingError, _ batch: TrainingBatch) throws -> any Error {
    guard case .nonFinite(let place, let places) = error else { return error }
    let names = places.map { images.images[batch.entries[$0].image].name }
    try folder.log?.append(
      .event(.nonFinite(epoch: batch.epoch, step: batch.step, layer: place, images: names)))
    return TrainerError.diverged(place: place, images: names, runFolder: folder.path)
  }

  /// Neither states nor weight files get parameters that are not finite.
  private func requireFiniteParameters() throws {
    guard let parameter = store.firstNonFinite else { return }
    throw try divergence(at: parameter.name)
  }

  private func divergence(at place: String) throws -> any Error {
    try folder.log?.append(
      .event(
        .nonFinite(
          epoch: progress.epoch, step: max(0, progress.step - 1), layer: place, images: [])))
    return TrainerError.diverged(place: place, images: [], runFolder: folder.path)
  }

  /// Updates in an epoch.
  private var updatesPerEpoch: Int {
    (plan.stepsPerEpoch + configuration.accumulation - 1) / configuration.accumulation
  }

  private var learningRate: Double {
    configuration.schedule.rate(
      step: progress.updates, stepsPerEpoch: updatesPerEpoch, epochs: configuration.epochs)
  }

  private func step(_ batch: TrainingBatch, _ stage: TrainingStage, _ rate: Double) -> Step {
    let sums = progress.sums
    let speed = Double(sums.images) / max(sums.seconds, 1e-9)
    // An image's time is in proportion to its area.
    let area = Double(stage.imageSize * stage.imageSize)
    var rest = Double(plan.trainingImages - sums.images)
    for stage in configuration.stages {
      let epochs = stage.epochs.clamped(
        to: batch.epoch + 1..<max(configuration.epochs, batch.epoch + 1))
      rest +=
        Double(epochs.count * plan.trainingImages)
        * Double(stage.imageSize * stage.imageSize) / area
    }
    return Step(
      epoch: batch.epoch, step: batch.step, loss: sums.loss / Double(sums.images),
      accuracy: Double(sums.correct) / Double(sums.images), learningRate: rate,
      imagesPerSecond: speed, remainingSeconds: rest / speed)
  }

  /// Writes the epoch's weights, validates them and saves the state.
  private func endEpoch(_ stage: TrainingStage, _ receive: (Event) throws -> Void) throws {
    let start = MonotonicTime()
    let averages = configuration.averageDecay != nil
    try requireFiniteParameters()
    try network.write(store, averages: averages, configuration, to: folder.last)
    let validation = images.validation.isEmpty ? nil : try validateEpoch()
    // Without validation, the last weights are the best.
    let figure = validation.map { -$0.logLoss }
    let isBest = figure.map { $0 > progress.best?.value ?? -.infinity } ?? true
    if isBest {
      try network.write(store, averages: averages, configuration, to: folder.best)
      progress.best = TrainingProgress.Best(epoch: progress.epoch, value: figure ?? 0)
    }
    let sums = progress.sums
    let epoch = Epoch(
      epoch: progress.epoch, imageSize: stage.imageSize, loss: sums.loss / Double(sums.images),
      accuracy: Double(sums.correct) / Double(sums.images), validation: validation, isBest: isBest,
      seconds: sums.seconds + MonotonicTime().seconds - start.seconds)
    try folder.log?.append(.epoch(LogRecord.Epoch(epoch)))
    progress.epoch += 1
    (progress.step, progress.sums) = (0, TrainingProgress.Sums())
    try save()
    try receive(.epoch(epoch))
  }

  /// Validates the epoch's weights, which may be finite but too large to compute with.
  private func validateEpoch() throws -> Evaluation {
    do {
      return try validate(folder.last)
    } catch InferenceError.badParameter(_, let name, _) {
      throw try divergence(at: "a value computed from \(name)")
    } catch ClassifierError.nonFiniteLogit(let index, let layer) {
      throw try divergence(at: layer ?? "the logit of class \(index)")
    }
  }
}

extension LogRecord.Epoch {
  fileprivate init(_ epoch: Trainer.Epoch) {
    self.init(
      epoch: epoch.epoch, trainLoss: epoch.loss, trainAccuracy: epoch.accuracy,
      validation: epoch.validation.map {
        [("top1", $0.accuracy), ("log_loss", $0.logLoss), ("images", Double($0.count))]
      } ?? [], isBest: epoch.isBest, seconds: epoch.seconds, imageSize: epoch.imageSize)
  }
}
