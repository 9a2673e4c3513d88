/// Names what an image shows.
///
/// ```swift
/// let classifier = try Classifier(model: "effnet-lite0")
/// for prediction in try classifier.classify(Image(contentsOf: "cat.png"), topK: 3) {
///   print(prediction.label, prediction.probability)
/// }
/// ```
///
/// A classifier owns the memory that it computes in, so that one can be used by one thread at a
/// time; a batch runs on `Options.threads` threads. The answers do not depend on their number, nor
/// on how images are gathered into batches.
public final class Classifier {
  /// What a caller may want otherwise.
  public struct Options: Sendable {
    /// Threads that share the work on a batch; by default as many as this process may use.
    public var threads = HostInfo.allowedThreads
    /// Who computes the convolutions.
    public var backend = Backend.auto
    /// Images that are computed together; memory grows with it.
    public var maximumBatch = 1
    /// The classes' names, if not those of the weights.
    public var labels: Labels?
    /// Replaces parts of the weights' own preprocessing.
    public var preprocessing = PreprocessingOverrides()
    /// What the weight file may ask at most.
    public var limits = WeightLimits()
    /// Whether what the classifier's end reads stays readable, for an `Explainer`.
    var keepsFeatures = false

    /// The usual options.
    public init() {}
  }

  /// The network and its weights.
  public let network: LoadedNetwork
  /// The classes' names.
  public let labels: Labels
  /// What a user should know about how the weights were interpreted, one sentence each.
  public let warnings: [String]

  let session: InferenceSession

  /// Loads the weights of a model.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue.
  ///   - path: A safetensors or PyTorch file; `nil` searches as `WeightSearch.standard()` does.
  /// - Throws: `PretrainedError`, `LabelsError`, `WeightsError`, `ModelError.unsupported`, and
  ///   `ParameterMismatch` with every tensor that does not fit the model.
  public init(model: Model, weights path: String? = nil, options: Options = Options()) throws {
    network = try LoadedNetwork(
      model, weights: path, limits: options.limits, overrides: options.preprocessing)
    let named = try Self.labels(of: network, chosen: options.labels)
    labels = named ?? .numbered(network.configuration.classes)
    warnings =
      network.warnings
      + (named == nil
        ? [
          "\(network.file.path) has \(labels.count) classes and no names for them; --labels gives some"
        ]
        : [])
    session = try network.session(
      InferenceSession.Options(
        threads: options.threads, backend: options.backend, maximumBatch: options.maximumBatch,
        retained: options.keepsFeatures ? [network.head.features.id, network.head.pooled.id] : []))
  }

  /// Loads the weights of the model called `name`.
  ///
  /// - Throws: `ModelError.unknown`, and what `init(model:weights:options:)` throws.
  public convenience init(
    model name: String, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(model: ModelCatalog.model(named: name), weights: path, options: options)
  }

  /// The most probable classes of an image, best first.
  ///
  /// - Throws: `ClassifierError.nonFiniteLogit` where the network's answer is not a number.
  public func classify(_ image: Image, topK: Int = 5) throws -> [Prediction] {
    try load(image, at: 0)
    return try answers(count: 1, topK: topK)[0].get()
  }

  /// The most probable classes of each image, in the images' order.
  ///
  /// - Throws: `ClassifierError.nonFiniteLogit`, as for one image; there is no answer then.
  public func classify(_ images: [Image], topK: Int = 5) throws -> [[Prediction]] {
    var result: [[Prediction]] = []
    var rest = images[...]
    while !rest.isEmpty {
      let batch = rest.prefix(session.options.maximumBatch)
      for (slot, image) in batch.enumerated() { try load(image, at: slot) }
      result += try answers(count: batch.count, topK: topK).map { try $0.get() }
      rest = rest.dropFirst(batch.count)
    }
    return result
  }

  /// The network's outputs for an image before the softmax, one value a class.
  ///
  /// - Throws: `InferenceError.nonFinite`.
  public func logits(of image: Image) throws -> [Float] {
    try load(image, at: 0)
    try session.run(batch: 1)
    return session.logits(image: 0)
  }

  /// Makes an image the input of place `slot` of the next batch; the image is not kept.
  ///
  /// - Precondition: `slot` is from 0 to below `Options.maximumBatch`.
  public func load(_ image: Image, at slot: Int) throws(PreprocessingError) {
    try session.load(image, at: slot, by: preprocessing)
  }

  /// How images are prepared for the network.
  ///
  /// Threads of the caller's can apply it ahead, for `load(_:at:)` of its values.
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
  public func answers(
    count: Int, topK: Int
  ) throws(InferenceError) -> [Result<[Prediction], ClassifierError>] {
    do {
      try session.run(batch: count)
    } catch .nonFinite {
      // The ranking below finds out which images it concerns.
    }
    return (0..<count).map { image in
      Result { () throws(ClassifierError) in
        do throws(ClassifierError) {
          return try Prediction.ranked(
            logits: session.logits(image: image), labels: labels, topK: topK)
        } catch .nonFiniteLogit(let index, _) {
          throw .nonFiniteLogit(index: index, layer: session.firstNonFiniteLayer(image: image))
        }
      }
    }
  }

  /// The chosen labels, else those with the file, else ImageNet's where their number is the
  /// network's, with a background first or not; otherwise `nil`.
  private static func labels(
    of network: LoadedNetwork, chosen: Labels?
  ) throws(LabelsError) -> Labels? {
    let classes = network.configuration.classes
    if let labels = chosen ?? network.info.labels {
      try labels.check(classes: classes)
      return labels
    }
    switch classes {
    case Labels.imageNet.count: return .imageNet
    case Labels.imageNet.count + 1: return .imageNetAfterBackground
    default: return nil
    }
  }
}
