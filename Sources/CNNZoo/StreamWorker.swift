import Host

/// An image of a stream.
struct StreamTask: Sendable {
  let input: ImageInput
  /// Whether reading it may wait for another party, such as the writer of a pipe.
  let mayWait: Bool

  /// Has the system read a file ahead.
  init(_ input: ImageInput) {
    self.input = input
    mayWait =
      switch input.content {
      case .file(let path): !path.readAhead()
      case .standardInput: true
      case .bytes, .image, .failure: false
      }
  }
}

/// What decoding says about an image besides its pixels.
struct DecodingNotes: Sendable {
  var warnings: [ImageWarning] = []
  var fingerprint: ImageFingerprint?
}

/// What each thread of a stream does: it decodes an image, and the next, up to its share of the batch,
/// runs the network on them, and reads the answers.
///
/// So threads wait for one another only at the end of a stream, where the last one at work computes
/// with all of them. A few images at a time, because the classifier's weights are read once for all.
struct StreamWorker<Value: Sendable>: Sendable {
  typealias Tasks = OrderedWorkers<StreamTask, ImageResult<Value>>.Tasks

  let session: InferenceSession
  let preprocessing: Preprocessing
  let decoding: DecodingOptions
  /// Shared by all images being decoded.
  let memory: MemoryBudget
  let gate: SessionGate
  let read: NetworkRunner.Read<Value>

  private typealias Loaded = (
    claim: OrderedWorkers<StreamTask, ImageResult<Value>>.Claim, notes: DecodingNotes
  )

  func work(_ tasks: Tasks, worker: Int) {
    let images = session.images(ofWorker: worker)
    var loaded: [Loaded] = []
    while true {
      guard loaded.count < images.count, let claim = tasks.next(waits: loaded.isEmpty) else {
        if loaded.isEmpty { return }
        finish(&loaded, tasks, worker: worker)
        continue
      }
      // Answers that are due do not wait for a pipe.
      if claim.task.mayWait, !loaded.isEmpty {
        finish(&loaded, tasks, worker: worker, claimed: 1)
      }
      do {
        let input = claim.task.input
        let notes = try decode(input, image: images.lowerBound + loaded.count)
        guard let notes else { return }
        loaded.append((claim, notes))
      } catch {
        tasks.finish(
          claim,
          ImageResult(
            input: claim.task.input, warnings: [], fingerprint: nil, result: .failure(error)))
      }
    }
  }

  /// Decodes an image into the network's input; `nil` after the gate was closed.
  private func decode(_ input: ImageInput, image: Int) throws -> DecodingNotes? {
    func apply(_ decoded: Image) throws -> DecodingNotes {
      try session.withInput(image: image) { try preprocessing.apply(to: decoded, into: $0) }
      return DecodingNotes(
        warnings: decoded.warnings,
        fingerprint: decoding.fingerprints ? ImageFingerprint(decoded) : nil)
    }
    if case .image(let decoded) = input.content { return try gate.enter { try apply(decoded) } }
    // Outside the gate, because this may wait forever.
    let encoded = try input.encoded(decoding)
    return try gate.enter {
      // Large images take turns instead of filling the memory together.
      try memory.spending(encoded.decodingMemory) {
        // A fingerprint needs all pixels.
        if decoding.fingerprints { return try apply(encoded.decode()) }
        return DecodingNotes(
          warnings: try session.withInput(image: image) {
            try encoded.prepare(for: preprocessing, mode: decoding.mode, into: $0)
          })
      }
    }
  }

  /// Computes the loaded images and delivers their answers.
  ///
  /// - Parameter claimed: Tasks that this thread has claimed besides.
  private func finish(
    _ loaded: inout [Loaded], _ tasks: Tasks, worker: Int, claimed: Int = 0
  ) {
    let first = session.images(ofWorker: worker).lowerBound
    let images = first..<first + loaded.count
    let isLast = tasks.areFinished(but: loaded.count + claimed)
    let answers = gate.compute(together: isLast) { together in
      if together { session.run(images) } else { session.run(images, worker: worker) }
      return images.map { image in Result { try read(session, image) } }
    }
    for ((claim, notes), answer) in zip(loaded, answers ?? []) {
      tasks.finish(
        claim,
        ImageResult(
          input: claim.task.input, warnings: notes.warnings, fingerprint: notes.fingerprint,
          result: answer))
    }
    loaded.removeAll(keepingCapacity: true)
  }
}
