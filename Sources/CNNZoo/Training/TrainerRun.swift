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
    let preprocessing = TrainingPreprocessing(network.info.preprocessing, configuration)
    saved = MonotonicTime()
    if progress.epoch < configuration.epochs {
      let batches = try TrainingBatches(
        images, reader: reader,
        settings: .init(batch: configuration.batch, seed: configuration.seed) { _ in
          preprocessing
        },
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
    try requireFiniteParameters()
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
    let key = RandomKey(seed: configuration.seed)[batch.epoch][.regularization]
    let rate = learningRate
    let record: LogRecord.Step
    do throws(TrainingError) {
      let result = try session.addGradients(
        targets: batch.targets, keys: batch.images.map { key[$0] })
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
      record = LogRecord.Step(
        epoch: batch.epoch, step: batch.step, loss: result.loss, learningRate: rate,
        imagesPerSecond: Double(batch.images.count) / seconds)
    } catch {
      throw try failure(error, batch)
    }
    try folder.log?.append(.step(record))
    try receive(.step(step(batch, rate)))
  }

  private func failure(_ error: TrainingError, _ batch: TrainingBatch) throws -> any Error {
    guard case .nonFinite(let place, let places) = error else { return error }
    let names = places.map { images.images[batch.images[$0]].name }
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
      epoch: progress.epoch, loss: sums.loss / Double(sums.images),
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

extension TrainingPreprocessing {
  /// How a configuration prepares the images for weights with some preprocessing.
  init(_ preprocessing: Preprocessing, _ configuration: TrainingConfiguration) {
    var augmentation = Augmentation(
      minimumArea: configuration.minimumCropArea, flips: configuration.flips)
    augmentation.randAugment = configuration.randAugmentMagnitude.map {
      RandAugment(operations: configuration.randAugmentOperations, magnitude: $0)
    }
    augmentation.erasingProbability = configuration.erasingProbability
    augmentation.mixupAlpha = configuration.mixupAlpha
    augmentation.cutMixAlpha = configuration.cutMixAlpha
    self.init(preprocessing, size: configuration.imageSize, augmentation: augmentation)
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
