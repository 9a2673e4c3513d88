/// Computes embeddings: vectors that are close together for similar images.
///
/// An embedding is the input of the network's classifier, or of the hidden layer before it.
///
/// ```swift
/// let embedder = try Embedder(model: "effnet-lite0")
/// let vector = try embedder.embed(Image(contentsOf: "cat.png"))  // 1280 values
/// ```
///
/// Like a `Classifier`, it owns its working memory: use it from one thread at a time. Embeddings
/// depend neither on the number of threads nor on the batch size.
public final class Embedder {
  /// The layer whose output is the embedding.
  public enum Layer: String, Sendable, CaseIterable {
    /// The mean of the last feature map over all positions: 1280 values in EfficientNets, 960 and 576
    /// in MobileNetV3-Large and -Small.
    case pooled
    /// MobileNetV3's hidden layer after its activation: 1280 and 1024 values.
    case hidden
  }

  /// Options for an embedder.
  public struct Options: Sendable {
    /// The layer whose output is the embedding.
    public var layer = Layer.pooled
    /// Whether embeddings are divided by their Euclidean length.
    public var normalizes = false
    /// Compute threads (default: all available processors).
    public var threads = HostInfo.allowedThreads
    /// The compute backend.
    public var backend = Backend.auto
    /// Precision of the matrix products.
    public var precision = PrecisionChoice.f32
    /// Batch size for streams of images; memory grows with it.
    public var maximumBatch = 1
    /// Overrides of the weights' preprocessing.
    public var preprocessing = PreprocessingOverrides()
    /// Limits on the weight file.
    public var limits = WeightLimits()
    /// Whether averaged weights are used if a training checkpoint contains both.
    public var usesEMA = true
    /// How streams of images are read.
    public var decoding = DecodingOptions()

    /// The defaults.
    public init() {}
  }

  /// The network and its weights.
  public let network: LoadedNetwork
  /// The options it was created with.
  public let options: Options
  /// The precision of the matrix products.
  public let precision: Precision
  /// Why `PrecisionChoice.auto` chose it, as a clause for messages; `nil` if the caller chose it.
  public let precisionReason: String?
  /// The number of values in an embedding.
  public let dimension: Int
  private let node: Int
  private let runner: NetworkRunner

  /// Prepares a network.
  ///
  /// The preprocessing and limits in `options` are ignored, because the network is already loaded. The
  /// weights need no classifier.
  ///
  /// - Throws: `EmbeddingError.noHiddenLayer`, `.lostHiddenLayer`, and errors of
  ///   `LoadedNetwork.decide(_:backend:)` and `LoadedNetwork.session(_:)`.
  public convenience init(_ network: LoadedNetwork, options: Options = Options()) throws {
    if options.layer == .hidden, !network.hasHiddenLayer {
      throw EmbeddingError.lostHiddenLayer(path: network.file.path)
    }
    try self.init(features: network, options: options)
  }

  /// Prepares a network, whose hidden layer may have initial values.
  init(features network: LoadedNetwork, options: Options) throws {
    switch options.layer {
    case .pooled: node = network.head.pooled.id
    case .hidden:
      guard let hidden = network.head.hidden else {
        throw EmbeddingError.noHiddenLayer(model: network.model.name)
      }
      node = hidden.output
    }
    self.network = network
    self.options = options
    dimension = network.graph.nodes[node].shape.channels
    let decision = try network.decide(options.precision, backend: options.backend)
    (precision, precisionReason) = (decision.precision, decision.reason)
    runner = try NetworkRunner(
      network,
      options: InferenceSession.Options(
        threads: options.threads, backend: options.backend, precision: precision,
        maximumBatch: options.maximumBatch,
        retained: [node]),
      decoding: options.decoding, needsLogits: false)
  }

  /// Loads the weights of a model.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue.
  ///   - path: A safetensors or PyTorch file; `nil` searches with `WeightSearch.standard()`.
  /// - Throws: Errors of `init(_:options:)` and `LoadedNetwork`, and `PretrainedError` if there are
  ///   no weights.
  public convenience init(
    model: Model, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(
      LoadedNetwork(
        model, weights: path, limits: options.limits, usesEMA: options.usesEMA,
        overrides: options.preprocessing),
      options: options)
  }

  /// Loads weights by the name of their model, their path, or both, as `Classifier` does.
  ///
  /// - Throws: `ModelError.unknown`, and errors of `init(model:weights:options:)`.
  public convenience init(
    model name: String? = nil, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(
      LoadedNetwork(
        name.map(ModelCatalog.model), weights: path, limits: options.limits,
        usesEMA: options.usesEMA, overrides: options.preprocessing),
      options: options)
  }

  /// The embedding of an image, `dimension` values.
  ///
  /// - Throws: `EmbeddingError.nonFinite`, and `.zero` if a zero vector cannot be normalised.
  public func embed(_ image: Image) throws -> [Float] {
    try runner.run(image, read: vector())
  }

  /// Embeds a stream of images: the next ones are read and decoded while the network computes.
  ///
  /// - Parameter receive: Called with the embedding of each image, in order and as soon as it is
  ///   known. An image that cannot be read or decoded does not affect the others.
  /// - Throws: Errors of `receive` and the source; the remaining images are then dropped.
  public func embed(
    _ images: some ImageSource, receive: (ImageResult<[Float]>) throws -> Void
  ) throws {
    try runner.run(images, read: vector(), receive: receive)
  }

  /// The embedding of one image of the last batch.
  private func vector() -> NetworkRunner.Read<[Float]> {
    let (node, normalizes) = (node, options.normalizes)
    return { session, image in
      let vector = session.output(ofNode: node, image: image)
      if let index = vector.firstIndex(where: { !$0.isFinite }) {
        throw EmbeddingError.nonFinite(index: index)
      }
      return normalizes ? try vector.normalized() : vector
    }
  }
}

extension [Float] {
  /// The vector divided by its Euclidean length, which is computed in Double.
  func normalized() throws(EmbeddingError) -> [Float] {
    let length = reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length > 0 else { throw .zero }
    return map { Float(Double($0) / length) }
  }
}

/// Why an image has no embedding.
public enum EmbeddingError: Error, Equatable, Sendable {
  /// The hidden layer was requested, but the network has none.
  case noHiddenLayer(model: String)
  /// The hidden layer was requested, but the weights end before it.
  case lostHiddenLayer(path: String)
  /// A value is NaN or infinite: the weights or the input are damaged.
  case nonFinite(index: Int)
  /// All values are zero, so the vector has no direction.
  case zero
}

extension EmbeddingError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .noHiddenLayer(let model):
      "\(model) has no hidden layer (only MobileNetV3 has one); use the pooled layer"
    case .lostHiddenLayer(let path):
      "\(path): weights without the hidden layer; use the pooled layer"
    case .nonFinite(let index):
      "feature \(index) is not a finite number; the weights or the input are damaged"
    case .zero: "all features are zero, so the vector has no direction"
    }
  }
}
