/// What a network answered for one image, or why it did not.
public struct ImageResult<Value: Sendable>: Sendable {
  /// The image.
  public let input: ImageInput
  /// Warnings of the decoder.
  public let warnings: [ImageWarning]
  /// The answer; or the `ImageError`, `ClassifierError` or `EmbeddingError` that prevented it.
  public let result: Result<Value, any Error>
}

/// Runs images through a network in batches and hands over a result for each, in order.
///
/// `Classifier`, `Embedder`, `Explainer` and `HeadTrainer` differ only in what they read from the
/// session after a batch; everything up to there is here.
final class NetworkRunner {
  let network: LoadedNetwork
  let session: InferenceSession
  private let decoding: DecodingOptions

  /// Packs the weights and starts the threads.
  ///
  /// - Throws: what `LoadedNetwork.session(_:)` throws.
  init(
    _ network: LoadedNetwork, options: InferenceSession.Options, decoding: DecodingOptions
  ) throws {
    self.network = network
    self.decoding = decoding
    session = try network.session(options)
  }

  private var preprocessing: Preprocessing { network.info.preprocessing }

  /// Runs the network on one image, and reads the answer of slot 0.
  func run<Value>(_ image: Image, read: (_ slot: Int) throws -> Value) throws -> Value {
    try session.withInput(image: 0) { try preprocessing.apply(to: image, into: $0) }
    try compute(1)
    return try read(0)
  }

  /// Runs the network on a stream of images.
  ///
  /// At most one batch waits, and none of it while the next image is still to come.
  ///
  /// - Parameters:
  ///   - read: Reads the answer for one image of the batch.
  ///   - receive: Takes the results, in the order of the images.
  /// - Throws: what `receive` and the source throw, and `InferenceError`s that concern no single image.
  func run<Value>(
    _ source: some ImageSource, read: (_ slot: Int) throws -> Value,
    receive: (ImageResult<Value>) throws -> Void
  ) throws {
    let batch = session.options.maximumBatch
    let pipeline = ImagePipeline(
      source, preprocessing: preprocessing, options: decoding, threads: decodingThreads,
      batch: batch)
    /// Images that wait for their turn. Those without an error are loaded, in this order.
    var waiting: [(input: ImageInput, outcome: Result<[ImageWarning], any Error>)] = []
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
        case .success(let warnings):
          let result = Result { try read(slot) }
          slot += 1
          try receive(ImageResult(input: input, warnings: warnings, result: result))
        case .failure(let error):
          try receive(ImageResult(input: input, warnings: [], result: .failure(error)))
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
  /// A logit that is not finite concerns one image: reading its answer reports it.
  private func compute(_ count: Int) throws(InferenceError) {
    do {
      try session.run(batch: count)
    } catch .nonFinite {}
  }

  /// Small networks answer faster than one thread decodes: two decode for each that computes, as far
  /// as there are processors.
  private var decodingThreads: Int {
    let threads = session.options.threads
    return decoding.threads ?? max(threads, min(2 * threads, HostInfo.allowedThreads))
  }
}

extension LoadedNetwork {
  /// Where features end and the classifier begins.
  public var head: NetworkHead {
    guard let head = graph.head else {
      preconditionFailure("every network of the catalogue ends in pooling and linear layers")
    }
    return head
  }

  /// The values of one of the graph's parameters, in PyTorch's order.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  func values(_ node: Node, _ role: Parameter.Role) throws -> [Float] {
    guard let parameter = node.parameters.first(where: { $0.role == role }) else { return [] }
    return try parameters.withValues(of: parameter) { Array($0) }
  }
}
