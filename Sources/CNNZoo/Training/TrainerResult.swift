import Glibc
import GraphIR
import Host
import Images
import Training
import Weights

extension Trainer {
  /// The validation images as `evaluate` classifies them.
  ///
  /// - Parameter receive: Called with each image's class and all answers, the most probable first.
  func validate(
    _ weights: String, receive: (_ truth: Int, _ ranking: [Prediction]) -> Void = { _, _ in }
  ) throws -> Evaluation {
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
      let truth = images.images[rest.removeFirst()].classIndex
      evaluation.add(truth: truth, ranking: ranking.map { ($0.index, $0.probability) })
      receive(truth, ranking)
    }
    return evaluation
  }

  /// Validates the closed-form head that the run began with; `nil` without one or without images.
  func validateHead() throws -> Evaluation? {
    guard !images.validation.isEmpty, access(folder.head, F_OK) == 0 else { return nil }
    let evaluation = try validate(folder.head)
    if progress.updates == 0 {
      try folder.log?.append(
        .event(.head(top1: evaluation.accuracy, logLoss: evaluation.logLoss)))
    }
    return evaluation
  }

  /// Writes the output and validates it once more, as the file that users get.
  ///
  /// Batch norm's statistics are estimated again, probabilities are calibrated, and if the result is
  /// not better than the closed-form head, the head is the output.
  func finish(_ head: Evaluation?) throws -> Result {
    session = nil
    let trained = try withStatistics()
    let temperature = try writeCalibrated(trained)
    let validation = images.validation.isEmpty ? nil : try validate(output)
    let keepsHead = if let head, let validation { !validation.isBetter(than: head) } else { false }
    if keepsHead {
      // What was measured stays, for those who want it after all.
      try Self.copy(output, to: folder.result)
      try Self.copy(folder.head, to: output)
    }
    try folder.log?.append(.event(.finished))
    return Result(
      validation: keepsHead ? head : validation, trained: validation, head: head,
      keepsHead: keepsHead,
      bestEpoch: progress.best?.epoch ?? configuration.epochs - 1,
      temperature: keepsHead ? nil : temperature,
      hasNewStatistics: !keepsHead && trained.path == folder.result,
      stoppedAt: progress.epoch < configuration.epochs ? progress.epoch : nil)
  }

  /// A weight file and its answers to the validation images.
  private struct Candidate {
    let path: String
    let evaluation: Evaluation
    /// [images, classes], logits up to a constant for each image, which the softmax ignores.
    let scores: [Double]
  }

  private func candidate(_ path: String) throws -> Candidate {
    var scores: [Double] = []
    let evaluation = try validate(path) { _, ranking in
      var row = [Double](repeating: 0, count: ranking.count)
      for answer in ranking {
        row[answer.index] = log(max(answer.probability, .leastNormalMagnitude))
      }
      scores += row
    }
    return Candidate(path: path, evaluation: evaluation, scores: scores)
  }

  /// The best weights, with batch norm's statistics estimated again if they then validate no worse.
  ///
  /// During training, statistics follow the batches of changing weights at the training size; now they
  /// become the mean over the training images, as inference sees them.
  private func withStatistics() throws -> Candidate {
    let best = try candidate(folder.best)
    guard configuration.batchNorm == .batch else { return best }
    try store.load(LoadedNetwork(network.model, weights: folder.best).parameters)
    try estimateStatistics()
    guard store.firstNonFinite == nil else { return best }
    try network.write(store, averages: false, configuration, to: folder.result)
    do {
      let estimated = try candidate(folder.result)
      let isWorse = estimated.evaluation.logLoss > best.evaluation.logLoss
      return isWorse ? best : estimated
    } catch is ClassifierError {
      // The statistics are finite, but the logits are not.
      return best
    }
  }

  /// Replaces batch norm's statistics in the store by those of the training images at the inference
  /// size.
  private func estimateStatistics() throws {
    let size = network.info.preprocessing.crop
    // The memory of a training step is enough: feature maps grow with the square of the size.
    let largest = configuration.stages.map(\.imageSize).max() ?? size
    let share = min(1, Double(largest * largest) / Double(size * size))
    let batch = max(2, Int(Double(configuration.batch) * share))
    let steps = EpochSteps(images: plan.trainingImages, batch: batch)
    let session = try TrainingSession(
      network.inferenceGraph(), store,
      TrainingSession.Options(
        configuration, batch: steps.largest, threads: options.threads,
        recomputes: options.recomputes))
    let batches = try TrainingBatches(
      images, reader: reader,
      settings: .init(
        preprocessing: TrainingPreprocessing(
          network.info.preprocessing, size: size, augmentation: .none),
        batch: batch, seed: configuration.seed),
      epochs: configuration.epochs..<configuration.epochs + 1, threads: options.threads)
    var seen = 0
    while seen < Self.statisticsImages, let batch = try batches.next() {
      session.setInputs(batch)
      seen += batch.entries.count
      session.updateStatistics(
        images: batch.entries.count, momentum: Double(batch.entries.count) / Double(seen))
    }
  }

  /// The most images from which batch norm's statistics are estimated: the error of a mean is then 1 %
  /// of a standard deviation even in layers with one value per image.
  static let statisticsImages = 10_000

  /// Writes the output: the weights in a file, with the logits divided by the temperature that fits the
  /// validation images best.
  ///
  /// - Returns: The temperature; `nil` if there is nothing to fit it to.
  private func writeCalibrated(_ candidate: Candidate) throws -> Double? {
    let classes = images.labels.count
    guard configuration.loss == .softmax, classes > 1, candidate.evaluation.count > 0 else {
      try Self.copy(candidate.path, to: output)
      return nil
    }
    let temperature = Temperature.fit(
      scores: candidate.scores, labels: candidate.evaluation.samples.map(\.truth),
      classes: classes)
    let classifier = Set(
      store.entries.filter { network.graph.nodes[$0.node].role == .classifier }
        .map { network.fileName($0.parameter) })
    try Self.copy(candidate.path, to: output) { tensor in
      guard classifier.contains(tensor.name) else { return nil }
      return try tensor.floats().map { Float(Double($0) / temperature) }
    }
    return temperature
  }

  /// Copies a weight file, with other values of some tensors.
  private static func copy(
    _ source: String, to path: String, values: (TensorView) throws -> [Float]? = { _ in nil }
  ) throws {
    let file = try WeightFile(path: source)
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.tensors {
      if let values = try values(tensor) {
        writer.append(name: tensor.name, shape: tensor.shape, values: values)
      } else {
        writer.append(tensor)
      }
    }
    try writer.write(to: path)
  }
}

extension Evaluation {
  /// Whether this classifier is right more often than another one on the same images, beyond chance.
  ///
  /// Only images that one of the two gets right count; the 95 % interval of this one's share of them
  /// must lie above one half (the sign test; McNemar 1947).
  public func isBetter(than other: Evaluation) -> Bool {
    precondition(count == other.count, "the evaluations are of different images")
    var (own, others) = (0, 0)
    for (mine, theirs) in zip(samples, other.samples) {
      switch (mine.answer == mine.truth, theirs.answer == theirs.truth) {
      case (true, false): own += 1
      case (false, true): others += 1
      default: break
      }
    }
    return Self.wilsonInterval(successes: own, of: own + others).lowerBound > 0.5
  }
}
