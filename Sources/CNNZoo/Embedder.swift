/// Turns images into vectors that lie near each other where the images look alike.
///
/// The vector is what the network knows of an image before it decides on a class.
///
/// ```swift
/// let embedder = try Embedder(model: "effnet-lite0")
/// let vector = try embedder.embed(Image(contentsOf: "cat.png"))  // 1280 values
/// ```
///
/// As a `Classifier` does, it owns the memory that it computes in, and is used by one thread at a
/// time; the vectors depend neither on the number of threads nor on batches.
public final class Embedder {
  /// A place in the network whose values make a vector.
  public enum Layer: String, Sendable, CaseIterable {
    /// The last feature map's mean over all positions: 1280 values in EfficientNets, 960 and 576 in
    /// MobileNetV3-Large and -Small.
    case pooled
    /// MobileNetV3's hidden layer after its activation: 1280 and 1024 values.
    case hidden
  }

  /// What a caller may want otherwise.
  public struct Options: Sendable {
    /// Which values make the vector.
    public var layer = Layer.pooled
    /// Whether vectors are divided by their Euclidean length.
    public var normalizes = false
    /// Threads that share the work on a batch; by default as many as this process may use.
    public var threads = HostInfo.allowedThreads
    /// Who computes the convolutions.
    public var backend = Backend.auto
    /// Images that are computed together; memory grows with it.
    public var maximumBatch = 1
    /// Replaces parts of the weights' own preprocessing.
    public var preprocessing = PreprocessingOverrides()

    /// The usual options.
    public init() {}
  }

  /// The network and its weights.
  public let network: LoadedNetwork
  /// What the caller chose.
  public let options: Options
  /// Values of a vector.
  public let dimension: Int
  private let node: Int
  private let session: InferenceSession

  /// Prepares a network.
  ///
  /// - Throws: `EmbeddingError.noHiddenLayer`, and what `LoadedNetwork.session(_:)` throws. The
  ///   options' preprocessing is ignored: the network has its own.
  public init(_ network: LoadedNetwork, options: Options = Options()) throws {
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
    session = try network.session(
      InferenceSession.Options(
        threads: options.threads, backend: options.backend, maximumBatch: options.maximumBatch,
        retained: [node]))
  }

  /// Loads the weights of a model.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue.
  ///   - path: A safetensors or PyTorch file; `nil` searches as `WeightSearch.standard()` does.
  /// - Throws: what `init(_:options:)` and `LoadedNetwork` throw, and `PretrainedError` where there
  ///   are no weights.
  public convenience init(
    model: Model, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(
      LoadedNetwork(model, weights: path, overrides: options.preprocessing), options: options)
  }

  /// Loads the weights of the model called `name`.
  ///
  /// - Throws: `ModelError.unknown`, and what `init(model:weights:options:)` throws.
  public convenience init(
    model name: String, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(model: ModelCatalog.model(named: name), weights: path, options: options)
  }

  /// The vector of an image, `dimension` values.
  ///
  /// - Throws: `EmbeddingError.nonFinite`, and `.zero` where a vector of zeros was to be normalised.
  public func embed(_ image: Image) throws -> [Float] {
    try load(image, at: 0)
    return try vectors(count: 1)[0].get()
  }

  /// Makes an image the input of place `slot` of the next batch; the image is not kept.
  ///
  /// - Precondition: `slot` is from 0 to below `Options.maximumBatch`.
  public func load(_ image: Image, at slot: Int) throws(PreprocessingError) {
    try session.load(image, at: slot, by: preprocessing)
  }

  /// How images are prepared for the network.
  public var preprocessing: Preprocessing { network.info.preprocessing }

  /// Makes prepared values the input of place `slot` of the next batch; they are copied.
  ///
  /// - Precondition: `slot` is from 0 to below `Options.maximumBatch`, and `values` are as many as
  ///   `preprocessing` makes, `[crop, crop, 3]`.
  public func load(_ values: UnsafeBufferPointer<Float>, at slot: Int) {
    session.load(values, at: slot)
  }

  /// Computes the first `count` places of the batch that `load(_:at:)` filled; each succeeds or
  /// fails by itself.
  ///
  /// - Throws: nothing but `InferenceError`s that concern no single image.
  public func vectors(
    count: Int
  ) throws(InferenceError) -> [Result<[Float], EmbeddingError>] {
    do {
      try session.run(batch: count)
    } catch .nonFinite {
      // That is about logits; a vector may be fine, and is looked at by itself.
    }
    return (0..<count).map { image in
      Result { () throws(EmbeddingError) in
        let vector = session.output(ofNode: node, image: image)
        if let index = vector.firstIndex(where: { !$0.isFinite }) { throw .nonFinite(index: index) }
        return options.normalizes ? try vector.normalized() : vector
      }
    }
  }
}

extension [Float] {
  /// The vector over its Euclidean length, which is computed in Double.
  func normalized() throws(EmbeddingError) -> [Float] {
    let length = reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
    guard length > 0 else { throw .zero }
    return map { Float(Double($0) / length) }
  }
}

/// Why an image has no vector.
public enum EmbeddingError: Error, Equatable, Sendable {
  /// The hidden layer was asked for, and the network has none.
  case noHiddenLayer(model: String)
  /// A value is NaN or infinite: the weights or the input are damaged.
  case nonFinite(index: Int)
  /// All values are zero, so that the vector has no direction.
  case zero
}

extension EmbeddingError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .noHiddenLayer(let model):
      "\(model) has no hidden layer; MobileNetV3 has one, every network has the pooled layer"
    case .nonFinite(let index):
      "feature \(index) is not a finite number; the weights or the input are damaged"
    case .zero: "all features are zero, so that the vector has no direction"
    }
  }
}
