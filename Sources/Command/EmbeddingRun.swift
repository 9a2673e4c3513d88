import CNNZoo
import Glibc

/// Takes pictures through an embedder, batch by batch, and hands on their vectors in order.
struct EmbeddingRun {
  /// What became of one input.
  enum Outcome {
    case vector([Float])
    case failure(PictureFailure)
  }

  private let embedder: Embedder
  private let appliesOrientation: Bool
  private(set) var tally: InputTally
  /// Inputs that wait for their turn; those without a failure lie in the embedder.
  private var waiting: [(name: String, failure: PictureFailure?)] = []

  init(_ embedder: Embedder, appliesOrientation: Bool, policy: FailurePolicy) {
    self.embedder = embedder
    self.appliesOrientation = appliesOrientation
    tally = InputTally(policy: policy)
  }

  /// Embeds all inputs; at most one batch waits, and none while the next input is still to come.
  mutating func embed(
    _ inputs: inout PictureInputs, _ receive: (_ name: String, Outcome) throws -> Void
  ) throws {
    while let input = try inputs.next() {
      do {
        let image = try input.image(applyOrientation: appliesOrientation)
        try embedder.load(image, at: waiting.count { $0.failure == nil })
        waiting.append((input.name, nil))
      } catch ImageError.unknownFormat where input.isInFolder {
        tally.passOver(input.name)
      } catch {
        waiting.append((input.name, PictureFailure(error)))
      }
      if waiting.count == embedder.options.maximumBatch || !inputs.isReady { try flush(receive) }
    }
    try flush(receive)
  }

  private mutating func flush(_ receive: (_ name: String, Outcome) throws -> Void) throws {
    let loaded = waiting.count { $0.failure == nil }
    var vectors = loaded == 0 ? [] : try embedder.vectors(count: loaded)[...]
    defer { waiting.removeAll(keepingCapacity: true) }
    for (name, failure) in waiting {
      let outcome = failure.map(Outcome.failure) ?? Self.outcome(vectors.removeFirst(), of: name)
      switch outcome {
      case .vector: tally.answer()
      case .failure(let failure): try tally.fail(failure)
      }
      try receive(name, outcome)
    }
  }

  private static func outcome(
    _ result: Result<[Float], EmbeddingError>, of name: String
  ) -> Outcome {
    switch result {
    case .success(let vector): .vector(vector)
    case .failure(let error): .failure(PictureFailure(NamedError(name: name, error: error)))
    }
  }
}

/// What went wrong after a picture was read, under the picture's name.
private struct NamedError: StatusCarrying, CustomStringConvertible {
  let name: String
  let error: EmbeddingError

  var status: ExitStatus { error.status }
  var description: String { "\(name): \(error)" }
}

extension PictureInputs.Input {
  /// The decoded picture, its warnings told.
  func image(applyOrientation: Bool) throws -> Image {
    let image: Image
    switch self {
    case .file(let path, _):
      image = try Image(contentsOfCPath: path.bytes, applyOrientation: applyOrientation)
    case .standardInput:
      image = try Image(readingFrom: STDIN_FILENO, named: "-", applyOrientation: applyOrientation)
    case .failure(let path, let reason):
      throw ImageError.unreadable(source: path.shown, reason: reason)
    }
    for warning in image.warnings { Diagnostics.tell("\(name.terminalSafe()): \(warning)") }
    return image
  }

  /// The picture that a command takes one of: a path, or - for standard input.
  static func single(_ argument: String) -> PictureInputs.Input {
    guard argument != "-" else { return .standardInput }
    return .file(PicturePath.paths(of: [argument])[0], isInFolder: false)
  }
}
