import Host

/// The result for one image, or why there is none.
public struct ImageResult<Value: Sendable>: Sendable {
  /// The image.
  public let input: ImageInput
  /// Warnings of the decoder.
  public let warnings: [ImageWarning]
  /// The image's fingerprint, if `DecodingOptions.fingerprints` asks for it and it could be decoded.
  public let fingerprint: ImageFingerprint?
  /// The answer, or the `ImageError`, `ClassifierError` or `EmbeddingError` that prevented it.
  public let result: Result<Value, any Error>
}

/// Runs images through a network and delivers a result for each, in order.
///
/// `Classifier`, `Embedder`, `Explainer` and `HeadTrainer` differ only in what they read from the
/// session; everything before that is here.
final class NetworkRunner {
  /// Reads the answer for an image that has been computed.
  typealias Read<Value> = @Sendable (_ session: InferenceSession, _ image: Int) throws -> Value

  let session: InferenceSession
  private let preprocessing: Preprocessing
  private let decoding: DecodingOptions

  /// Packs the weights and starts the threads.
  ///
  /// - Parameter needsLogits: Whether the weights must include the classifier.
  /// - Throws: Errors of `LoadedNetwork.session(_:)`.
  convenience init(
    _ network: LoadedNetwork, options: InferenceSession.Options, decoding: DecodingOptions,
    needsLogits: Bool = true
  ) throws {
    let options = options.forStreams
    self.init(
      try needsLogits ? network.session(options) : network.featureSession(options),
      preprocessing: network.info.preprocessing, decoding: decoding)
  }

  init(_ session: InferenceSession, preprocessing: Preprocessing, decoding: DecodingOptions) {
    self.session = session
    self.preprocessing = preprocessing
    self.decoding = decoding
  }

  /// Runs the network on one image with all threads and reads its answer.
  func run<Value>(_ image: Image, read: Read<Value>) throws -> Value {
    try session.withInput(image: 0) { try preprocessing.apply(to: image, into: $0) }
    session.run(0..<1)
    return try read(session, 0)
  }

  /// Runs the network on a stream of images.
  ///
  /// - Parameters:
  ///   - read: Reads the answer for one image, on any thread.
  ///   - receive: Called with the results, in the order of the images and as soon as they are known.
  /// - Throws: Errors of `receive` and the source.
  func run<Value: Sendable>(
    _ source: some ImageSource, read: @escaping Read<Value>,
    receive: (ImageResult<Value>) throws -> Void
  ) throws {
    let gate = SessionGate()
    let worker = StreamWorker(
      session: session, preprocessing: preprocessing, decoding: decoding,
      memory: MemoryBudget(bytes: decoding.limits.memoryBytes), gate: gate, read: read)
    // Enough for every thread to have its next images while one of them works on a large one.
    let tasks = OrderedWorkers(
      threads: session.workers, capacity: 2 * (session.options.maximumBatch + session.workers),
      body: worker.work)
    defer {
      tasks.stop()
      gate.close()
    }
    while true {
      // Start what can start without waiting; wait for the source only if nothing is in progress.
      while tasks.hasRoom, tasks.count == 0 || source.isReady {
        guard let input = try source.next() else { break }
        tasks.give(StreamTask(input))
      }
      guard tasks.count > 0 else { return }
      try receive(tasks.take().outcome)
    }
  }
}
