import CNNZoo

/// Takes images through a network, batch by batch, and hands on what became of each in their order.
struct NetworkRunner<Value> {
  /// What the network has to say of an image, or why it has nothing to say.
  typealias Outcome = Result<Value, ImageFailure>

  /// A network that computes some images together.
  struct Engine {
    /// Images that it can take.
    let batch: Int
    /// Makes prepared values the input of a place of the next batch.
    let load: (_ values: UnsafeBufferPointer<Float>, _ place: Int) -> Void
    /// Computes the first places; each fails or succeeds by itself.
    let compute: (_ count: Int) throws -> [Result<Value, any Error>]
  }

  private let engine: Engine
  private(set) var tally: InputTally
  /// Inputs that wait for their turn; those without a failure lie in the engine.
  private var waiting: [(name: String, failure: ImageFailure?)] = []

  init(_ engine: Engine, tally: InputTally) {
    self.engine = engine
    self.tally = tally
  }

  /// Answers all images; at most one batch waits, and none while the next input is still to come.
  ///
  /// - Throws: what `receive` throws, and an `ExitStatus` where the policy ends the run.
  mutating func run(
    _ images: ImagePipeline, _ receive: (_ name: String, Outcome) throws -> Void
  ) throws {
    defer { tally.endProgress() }
    while let image = try images.next() {
      let name = image.input.name
      switch image.outcome {
      case .success(let warnings):
        for warning in warnings { tally.tell("\(name.terminalSafe()): \(warning)") }
        engine.load(image.values, waiting.count { $0.failure == nil })
        waiting.append((name, nil))
      case .failure(ImageError.unknownFormat) where image.input.isInFolder: tally.passOver(name)
      case .failure(let error): waiting.append((name, ImageFailure(error)))
      }
      if waiting.count == engine.batch || !images.isReady { try flush(receive) }
    }
    try flush(receive)
  }

  /// Computes and hands on what waits.
  private mutating func flush(_ receive: (_ name: String, Outcome) throws -> Void) throws {
    let loaded = waiting.count { $0.failure == nil }
    var answers = loaded == 0 ? [] : try engine.compute(loaded)[...]
    defer { waiting.removeAll(keepingCapacity: true) }
    for (name, failure) in waiting {
      let outcome: Outcome =
        if let failure {
          .failure(failure)
        } else {
          answers.removeFirst().mapError { ImageFailure($0, of: name) }
        }
      switch outcome {
      case .success: tally.answer()
      case .failure(let failure): try tally.fail(failure)
      }
      try receive(name, outcome)
    }
  }
}

/// Why an image has no answer.
struct ImageFailure: Error {
  /// A word for programs.
  let code: String
  let message: String
  let status: ExitStatus

  /// What was thrown while an image was read, which names it.
  init(_ error: any Error) {
    code =
      switch error {
      case ImageError.unreadable: "unreadable"
      case ImageError.unknownFormat: "unknown_format"
      case ImageError.malformed: "malformed"
      case ImageError.unsupported: "unsupported"
      case ImageError.overLimit: "over_limit"
      case ClassifierError.nonFiniteLogit, EmbeddingError.nonFinite: "non_finite"
      default: "failed"
      }
    message = Diagnostics.message(of: error)
    status = ExitStatus(for: error) ?? .badData
  }

  /// What was thrown after an image was read, under the image's name.
  init(_ error: any Error, of name: String) {
    let failure = ImageFailure(error)
    (code, status) = (failure.code, failure.status)
    message = "\(name.terminalSafe()): \(failure.message)"
  }
}
