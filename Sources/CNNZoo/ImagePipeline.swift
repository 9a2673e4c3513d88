import Host

/// Reads, decodes and preprocesses images ahead of the network, on its own threads and in order.
///
/// A bounded number of images is in flight, each with room for the network's input; the memory is
/// allocated once. All images being decoded share a budget of `DecodingLimits.memoryBytes`.
final class ImagePipeline {
  /// Information about a decoded image besides its pixels.
  struct Decoded: Sendable {
    var warnings: [ImageWarning] = []
    var fingerprint: ImageFingerprint?
  }

  /// An image on its way into the network.
  struct Prepared {
    let input: ImageInput
    /// Information about the image, or why it could not be decoded.
    let outcome: Result<Decoded, any Error>
    /// The network's input, undefined if the image could not be decoded.
    ///
    /// Valid until the next call.
    let values: UnsafeBufferPointer<Float>
  }

  private let source: any ImageSource
  private let workers: OrderedWorkers<ImageInput, Result<Decoded, any Error>>
  private let values: PreparedValues
  /// The inputs that the workers hold, in order.
  private var inFlight: [ImageInput] = []

  /// - Parameters:
  ///   - threads: Decoding threads.
  ///   - batch: The network's batch size.
  init(
    _ source: any ImageSource, preprocessing: Preprocessing, options: DecodingOptions, threads: Int,
    batch: Int
  ) {
    self.source = source
    // Enough for a full batch to be ready when the previous one is done, while each thread works on
    // the next images.
    let capacity = batch + 2 * threads
    let values = PreparedValues(count: preprocessing.valueCount, slots: capacity)
    self.values = values
    let memory = MemoryBudget(bytes: options.limits.memoryBytes)
    workers = OrderedWorkers(threads: threads, capacity: capacity) { input, slot in
      Result {
        try Self.prepare(
          input, into: values[slot], preprocessing: preprocessing, options: options, memory: memory)
      }
    }
  }

  deinit { workers.stop() }

  private static func prepare(
    _ input: ImageInput, into values: UnsafeMutableBufferPointer<Float>,
    preprocessing: Preprocessing, options: DecodingOptions, memory: MemoryBudget
  ) throws -> Decoded {
    func prepare(_ image: Image) throws -> Decoded {
      try preprocessing.apply(to: image, into: values)
      return Decoded(
        warnings: image.warnings,
        fingerprint: options.fingerprints ? ImageFingerprint(image) : nil)
    }
    if case .image(let image) = input.content { return try prepare(image) }
    let encoded = try input.encoded(options)
    // Large images take turns instead of filling the memory together.
    return try memory.spending(encoded.decodingMemory) {
      // A fingerprint needs all pixels.
      options.fingerprints
        ? try prepare(encoded.decode())
        : Decoded(
          warnings: try encoded.prepare(for: preprocessing, mode: options.mode, into: values))
    }
  }

  /// Whether `next()` returns soon, without waiting for the writer of a list or a pipe.
  var isReady: Bool {
    workers.count > 0 ? workers.isDone(within: Self.timeout) : source.isReady
  }

  /// Milliseconds: long enough to decode a photo, so that batches are full while images keep coming,
  /// and too short to notice.
  private static let timeout = 50

  /// The next image, or `nil` at the end; waits until it is decoded.
  ///
  /// - Throws: Errors of the source.
  func next() throws -> Prepared? {
    // Start what can start without waiting; wait for the source only if nothing is in flight.
    while workers.hasRoom, workers.count == 0 || source.isReady {
      guard let input = try source.next() else { break }
      inFlight.append(input)
      workers.give(input)
    }
    guard workers.count > 0 else { return nil }
    let (outcome, slot) = workers.take()
    return Prepared(
      input: inFlight.removeFirst(), outcome: outcome, values: UnsafeBufferPointer(values[slot]))
  }
}

/// Memory for the network's input of several images, one slot each.
private final class PreparedValues: @unchecked Sendable {
  // Only the thread that works on a slot writes it; others read it only after the handover.
  private let memory: UnsafeMutableBufferPointer<Float>
  private let count: Int

  init(count: Int, slots: Int) {
    self.count = count
    memory = .allocate(capacity: count * slots)
  }

  deinit { memory.deallocate() }

  subscript(slot: Int) -> UnsafeMutableBufferPointer<Float> {
    UnsafeMutableBufferPointer(rebasing: memory[slot * count..<(slot + 1) * count])
  }
}

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

/// Runs images through a network in batches and delivers a result for each, in order.
///
/// `Classifier`, `Embedder`, `Explainer` and `HeadTrainer` differ only in what they read from the
/// session after a batch; everything before that is here.
final class NetworkRunner {
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
    self.init(
      try needsLogits ? network.session(options) : network.featureSession(options),
      preprocessing: network.info.preprocessing, decoding: decoding)
  }

  init(_ session: InferenceSession, preprocessing: Preprocessing, decoding: DecodingOptions) {
    self.session = session
    self.preprocessing = preprocessing
    self.decoding = decoding
  }

  /// Runs the network on one image, and reads the answer of slot 0.
  func run<Value>(_ image: Image, read: (_ slot: Int) throws -> Value) throws -> Value {
    try session.withInput(image: 0) { try preprocessing.apply(to: image, into: $0) }
    try compute(1)
    return try read(0)
  }

  /// Runs the network on a stream of images.
  ///
  /// At most one batch of images waits, and only while the next image is ready soon.
  ///
  /// - Parameters:
  ///   - read: Reads the answer for one image of the batch.
  ///   - receive: Called with the results, in the order of the images.
  /// - Throws: Errors of `receive` and the source, and `InferenceError`s not caused by a single
  ///   image.
  func run<Value>(
    _ source: some ImageSource, read: (_ slot: Int) throws -> Value,
    receive: (ImageResult<Value>) throws -> Void
  ) throws {
    let batch = session.options.maximumBatch
    let pipeline = ImagePipeline(
      source, preprocessing: preprocessing, options: decoding, threads: decodingThreads,
      batch: batch)
    /// Waiting images; those without an error are loaded, in this order.
    var waiting: [(input: ImageInput, outcome: Result<ImagePipeline.Decoded, any Error>)] = []
    var loaded = 0

    func flush() throws {
      defer {
        waiting.removeAll(keepingCapacity: true)
        loaded = 0
      }
      if loaded > 0 { try compute(loaded) }
      var slot = 0
      for (input, outcome) in waiting {
        switch outcome {
        case .success(let decoded):
          let result = Result { try read(slot) }
          slot += 1
          try receive(
            ImageResult(
              input: input, warnings: decoded.warnings, fingerprint: decoded.fingerprint,
              result: result))
        case .failure(let error):
          try receive(
            ImageResult(
              input: input, warnings: [], fingerprint: nil, result: .failure(error)))
        }
      }
    }

    while let image = try pipeline.next() {
      if case .success = image.outcome {
        session.withInput(image: loaded) { _ = $0.update(fromContentsOf: image.values) }
        loaded += 1
      }
      waiting.append((image.input, image.outcome))
      if waiting.count == batch || !pipeline.isReady { try flush() }
    }
    try flush()
  }

  /// Runs the loaded images.
  ///
  /// A non-finite logit concerns one image only, and is reported when its answer is read.
  private func compute(_ count: Int) throws(InferenceError) {
    do {
      try session.run(batch: count)
    } catch .nonFinite {}
  }

  /// Two decoding threads per compute thread, as far as there are processors.
  ///
  /// Small networks are faster than one decoding thread.
  private var decodingThreads: Int {
    let threads = session.options.threads
    return decoding.threads ?? max(threads, min(2 * threads, HostInfo.allowedThreads))
  }
}

extension LoadedNetwork {
  /// The boundary between features and classifier.
  public var head: NetworkHead {
    guard let head = graph.head else {
      preconditionFailure("every network of the catalogue ends in pooling and linear layers")
    }
    return head
  }

  /// The biases of a layer; zeros if it has none.
  func biases(of node: Node) throws -> [Float] {
    let biases = try values(node, .bias)
    return biases.isEmpty ? [Float](repeating: 0, count: node.shape.channels) : biases
  }

  /// The values of one of the graph's parameters, in PyTorch's order.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  func values(_ node: Node, _ role: Parameter.Role) throws -> [Float] {
    guard let parameter = node.parameters.first(where: { $0.role == role }) else { return [] }
    return try parameters.withValues(of: parameter) { Array($0) }
  }
}
