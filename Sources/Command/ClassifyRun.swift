import CNNZoo

/// Takes pictures through a classifier, batch by batch, and reports on them in their order.
struct ClassifyRun {
  private let classifier: Classifier
  private let batch: Int
  private let choice: Choice
  private let policy: FailurePolicy
  private let report: ClassifyReport
  private let progress: ClassifyProgress

  /// Which classes are named.
  struct Choice {
    /// At most so many.
    var topK: Int
    /// Of at least this probability.
    var minimumProbability = 0.0
  }

  /// Inputs that wait for their turn to be reported on; those without a failure lie in the
  /// classifier.
  private var waiting: [(name: String, failure: PictureFailure?)] = []
  private var answeredCount = 0
  private var passedOverCount = 0
  private var failures: [ExitStatus] = []

  init(
    _ classifier: Classifier, batch: Int, choice: Choice, policy: FailurePolicy,
    report: ClassifyReport, progress: ClassifyProgress
  ) {
    self.classifier = classifier
    self.batch = batch
    self.choice = choice
    self.policy = policy
    self.report = report
    self.progress = progress
  }

  /// Answers all pictures; at most one batch waits, and none while the next input is still to come.
  mutating func answer(_ pictures: PictureStream) throws {
    defer { progress.erase() }
    try report.begin()
    while let picture = try pictures.next() {
      let name = picture.input.name
      switch picture.outcome {
      case .success(let warnings):
        for warning in warnings { tell("\(name.terminalSafe()): \(warning)") }
        classifier.load(picture.values, at: waiting.count { $0.failure == nil })
        waiting.append((name, nil))
      case .failure(ImageError.unknownFormat) where picture.input.isInFolder:
        passedOverCount += 1
        progress.advance()
        tell("\(name.terminalSafe()): passed over, as it is no picture")
      case .failure(let error): waiting.append((name, PictureFailure(error)))
      }
      if waiting.count == batch || !pictures.isReady { try flush() }
    }
    try flush()
    try report.end()
  }

  /// Pictures that were answered or failed.
  var count: Int { answeredCount + failures.count }

  /// How it all went.
  var status: ExitStatus {
    if answeredCount == 0 && failures.isEmpty && passedOverCount > 0 { return .nothingDone }
    if failures.isEmpty || policy == .record { return .success }
    if answeredCount > 0 { return .someFailed }
    return failures.count == 1 ? failures[0] : .nothingDone
  }

  /// Computes and reports what waits.
  private mutating func flush() throws {
    let loaded = waiting.count { $0.failure == nil }
    var answers =
      loaded == 0 ? [] : try classifier.answers(count: loaded, topK: choice.topK)[...]
    defer { waiting.removeAll(keepingCapacity: true) }
    for (name, failure) in waiting {
      defer { progress.advance() }
      if let failure {
        try tell(failure, of: name)
        continue
      }
      switch answers.removeFirst() {
      case .success(let predictions):
        answeredCount += 1
        try report.answer(
          name, predictions.filter { $0.probability >= choice.minimumProbability })
      case .failure(let error): try tell(PictureFailure(error), of: name)
      }
    }
  }

  private func tell(_ message: String) {
    progress.erase()
    Diagnostics.tell(message)
  }

  private mutating func tell(_ failure: PictureFailure, of name: String) throws {
    failures.append(failure.status)
    tell(failure.message)
    switch policy {
    case .tell, .record: try report.failure(name, failure)
    case .skip: break
    case .fail:
      try report.end()
      throw failures.count == 1 && answeredCount == 0 ? failure.status : .someFailed
    }
  }
}

/// Why a picture has no answer.
struct PictureFailure {
  /// A word for programs.
  let code: String
  let message: String
  let status: ExitStatus

  init(_ error: any Error) {
    code =
      switch error {
      case ImageError.unreadable: "unreadable"
      case ImageError.unknownFormat: "unknown_format"
      case ImageError.malformed: "malformed"
      case ImageError.unsupported: "unsupported"
      case ImageError.overLimit: "over_limit"
      case ClassifierError.nonFiniteLogit: "non_finite"
      default: "failed"
      }
    message = Diagnostics.message(of: error)
    status = ExitStatus(for: error) ?? .badData
  }
}
