import Host
import Images
import Training

/// What a training run did, how good its result is, and which images deserve a look.
public struct TrainingReport: Sendable {
  /// An image whose label is likely wrong; see `Evaluation.likelyLabelErrors`.
  public struct Suspect: Sendable, Equatable {
    /// Its path in the folder.
    public let name: String
    /// Its class.
    public let label: String
    /// The class that it is taken for.
    public let answer: String
    /// The probability of ``answer``.
    public let probability: Double
    /// Whether the trained network says so, of an image for validation; otherwise the closed-form head
    /// does, fitted to the other training images.
    public let isValidation: Bool

    package init(
      name: String, label: String, answer: String, probability: Double, isValidation: Bool
    ) {
      (self.name, self.label, self.answer) = (name, label, answer)
      (self.probability, self.isValidation) = (probability, isValidation)
    }
  }

  /// Images that are copies of each other.
  public struct Copies: Sendable, Equatable {
    /// A copy.
    public struct Image: Sendable, Equatable {
      /// Its path in the folder.
      public let name: String
      /// Its class.
      public let label: String
      /// Whether it is for validation.
      public let isValidation: Bool

      package init(name: String, label: String, isValidation: Bool) {
        (self.name, self.label, self.isValidation) = (name, label, isValidation)
      }
    }

    /// Two or more.
    public let images: [Image]
    /// Whether all of them have the same pixels.
    public let isExact: Bool

    package init(images: [Image], isExact: Bool) { (self.images, self.isExact) = (images, isExact) }

    /// Whether they have different labels, of which at most one is right.
    public var isConflict: Bool { images.contains { $0.label != images[0].label } }
    /// Whether some are for training and some for validation, which flatters the validation.
    public var isOnBothSides: Bool {
      images.contains { $0.isValidation != images[0].isValidation }
    }
  }

  /// A file that was left out.
  public struct Failure: Sendable, Equatable {
    /// Its path in the folder.
    public let name: String
    /// What is wrong with it.
    public let reason: String

    package init(name: String, reason: String) { (self.name, self.reason) = (name, reason) }
  }

  /// How the run began.
  public let header: RunHeader
  /// The classes.
  public let labels: Labels
  /// The images to train on.
  public let trainingImages: Int
  /// The images to validate with.
  public let validationImages: Int
  /// The steps of an epoch.
  public let stepsPerEpoch: Int
  /// The run's course.
  public let history: TrainingHistory
  /// The validation of the output, or of the best weights so far; `nil` without images for it, or if a
  /// stopped run has none yet.
  public let validation: Evaluation?
  /// The validation of the closed-form head that training began with; `nil` before the end or without
  /// one.
  public internal(set) var headValidation: Evaluation?
  /// The validation of the trained network; `nil` before the end or without images for it.
  public internal(set) var trainedValidation: Evaluation?
  /// Whether the output is that head, because training did not improve on it beyond chance.
  public internal(set) var keepsHead = false
  /// The epoch after which these weights were written, counted from 0; `nil` before the first.
  public let bestEpoch: Int?
  /// The held-out results of the closed-form head on the training images; `nil` without a head.
  public let head: Evaluation?
  /// The images whose label is likely wrong, the most confident answers first.
  public let suspects: [Suspect]
  /// Copies among the images.
  public let copies: [Copies]
  /// Files that were left out because they are damaged or not supported.
  public let failures: [Failure]

  /// Why the process ended early, if the log does not say so.
  public var interruption: String?

  /// The log's warnings, without those about ``failures``.
  public var warnings: [String] {
    let known = Set(failures.map { "\($0.name): \($0.reason)" })
    return history.warnings.filter { !known.contains($0) }
  }

  package init(
    header: RunHeader, labels: Labels, trainingImages: Int, validationImages: Int,
    stepsPerEpoch: Int, history: TrainingHistory, validation: Evaluation?, bestEpoch: Int?,
    head: Evaluation?, suspects: [Suspect], copies: [Copies], failures: [Failure]
  ) {
    (self.header, self.labels, self.stepsPerEpoch) = (header, labels, stepsPerEpoch)
    (self.trainingImages, self.validationImages) = (trainingImages, validationImages)
    (self.history, self.validation, self.bestEpoch) = (history, validation, bestEpoch)
    (self.head, self.suspects, self.copies, self.failures) = (head, suspects, copies, failures)
  }
}

extension TrainingReport {
  /// Summarises a run.
  ///
  /// - Parameter validation: Of the images for validation, in their order.
  package init(
    header: RunHeader, history: TrainingHistory, stepsPerEpoch: Int, images: TrainingImages,
    findings: TrainingFindings, validation: Evaluation?, bestEpoch: Int?
  ) {
    let labels = images.labels
    let head = findings.headEvaluation(classCount: labels.count)
    func suspects(_ evaluation: Evaluation?, of indices: [Int], isValidation: Bool) -> [Suspect] {
      guard let evaluation else { return [] }
      return evaluation.likelyLabelErrors.map { position in
        let sample = evaluation.samples[position]
        return Suspect(
          name: images.images[indices[position]].name, label: labels[sample.truth],
          answer: labels[sample.answer], probability: sample.confidence,
          isValidation: isValidation)
      }
    }
    let training = images.images.indices.filter { $0 < findings.head.count }
      .filter { findings.head[$0] != nil }
    let all =
      suspects(validation, of: images.validation, isValidation: true)
      + suspects(head, of: training, isValidation: false)
    let ranked = all.enumerated().sorted {
      ($1.element.probability, $0.offset) < ($0.element.probability, $1.offset)
    }.map(\.element)
    let copies = findings.copies.map { group in
      Copies(
        images: group.images.map { index in
          let image = images.images[index]
          return Copies.Image(
            name: image.name, label: labels[image.classIndex], isValidation: image.isValidation)
        }, isExact: group.isExact)
    }
    self.init(
      header: header, labels: labels, trainingImages: images.training.count,
      validationImages: images.validation.count, stepsPerEpoch: stepsPerEpoch, history: history,
      validation: validation, bestEpoch: bestEpoch, head: head, suspects: ranked, copies: copies,
      failures: images.failures.map { Failure(name: $0.name, reason: $0.error.reason) })
  }
}

extension Trainer {
  /// What a complete run did.
  ///
  /// - Throws: Errors of `TrainingHistory`; `TrainingDataError.badList` if what the run found out about
  ///   its images cannot be read.
  public func report(_ result: Result) throws -> TrainingReport {
    try report(validation: result.validation, result)
  }

  /// What the run did so far.
  ///
  /// - Parameter validation: The validation of the best weights so far.
  /// - Throws: As the other function.
  public func report(validation: Evaluation?) throws -> TrainingReport {
    try report(validation: validation, nil)
  }

  private func report(validation: Evaluation?, _ result: Result?) throws -> TrainingReport {
    guard let header = folder.header else { throw RunError.noRun(path: folder.path) }
    var report = TrainingReport(
      header: header, history: try folder.history(), stepsPerEpoch: plan.stepsPerEpoch,
      images: images, findings: try TrainingFindings(path: folder.findings, images),
      validation: validation, bestEpoch: progress.best?.epoch)
    report.headValidation = result?.head
    report.trainedValidation = result?.trained
    report.keepsHead = result?.keepsHead ?? false
    return report
  }

  /// The paths of the files for the report, in the run's folder.
  public var reportFiles: (plot: String, summary: String) { (folder.plot, folder.summary) }
}
