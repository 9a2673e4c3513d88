import CNNZoo

/// Takes pictures through a classifier, batch by batch, and reports on them in their order.
struct ClassifyRun {
  private let classifier: Classifier
  private let batch: Int
  private let topK: Int
  private let policy: FailurePolicy
  private let report: ClassifyReport

  /// Inputs that wait for their turn to be reported on; those without a failure lie in the
  /// classifier.
  private var waiting: [(name: String, failure: PictureFailure?)] = []
  private var answeredCount = 0
  private var passedOverCount = 0
  private var failures: [ExitStatus] = []

  init(
    _ classifier: Classifier, batch: Int, topK: Int, policy: FailurePolicy, report: ClassifyReport
  ) {
    self.classifier = classifier
    self.batch = batch
    self.topK = topK
    self.policy = policy
    self.report = report
  }

  /// Answers all pictures; at most one batch waits, and none while the next input is still to come.
  mutating func answer(_ pictures: PictureStream) throws {
    try report.begin()
    while let picture = try pictures.next() {
      let name = picture.input.name
      switch picture.outcome {
      case .success(let warnings):
        for warning in warnings { Diagnostics.tell("\(name.terminalSafe()): \(warning)") }
        classifier.load(picture.values, at: waiting.count { $0.failure == nil })
        waiting.append((name, nil))
      case .failure(ImageError.unknownFormat) where picture.input.isInFolder:
        passedOverCount += 1
        Diagnostics.tell("\(name.terminalSafe()): passed over, as it is no picture")
      case .failure(let error): waiting.append((name, PictureFailure(error)))
      }
      if waiting.count == batch || !pictures.isReady { try flush() }
    }
    try flush()
    try report.end()
  }

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
      loaded == 0 ? [] : try classifier.answers(count: loaded, topK: topK)[...]
    defer { waiting.removeAll(keepingCapacity: true) }
    for (name, failure) in waiting {
      if let failure {
        try tell(failure, of: name)
        continue
      }
      switch answers.removeFirst() {
      case .success(let predictions):
        answeredCount += 1
        try report.answer(name, predictions)
      case .failure(let error): try tell(PictureFailure(error), of: name)
      }
    }
  }

  private mutating func tell(_ failure: PictureFailure, of name: String) throws {
    failures.append(failure.status)
    Diagnostics.tell(failure.message)
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
