/// Classifies images.
///
/// ```swift
/// let classifier = try Classifier(model: "effnet-lite0")
/// for prediction in try classifier.classify(Image(contentsOf: "cat.png"), topK: 3) {
///   print(prediction.label, prediction.probability)
/// }
/// ```
///
/// Streams of any length are decoded ahead in bounded memory; results arrive in order:
///
/// ```swift
/// try classifier.classify(ImageInputs(paths: ["photos/"]), topK: 1) { answer in
///   print(answer.input.name, try answer.result.get()[0].label)
/// }
/// ```
///
/// A classifier owns its working memory: use it from one thread at a time. A batch runs on
/// `Options.threads` threads. Predictions depend neither on the number of threads nor on the batch size.
public final class Classifier {
  /// Options for a classifier.
  public struct Options: Sendable {
    /// Compute threads (default: all available processors).
    public var threads = HostInfo.allowedThreads
    /// The compute backend.
    public var backend = Backend.auto
    /// Precision of the matrix products.
    public var precision = PrecisionChoice.f32
    /// Batch size for streams of images; memory grows with it.
    public var maximumBatch = 1
    /// The class names; override those of the weights.
    public var labels: Labels?
    /// What turns logits into probabilities.
    ///
    /// The default comes from the weights' metadata, else softmax, or sigmoid for a single output.
    public var activation: OutputActivation?
    /// Overrides of the weights' preprocessing.
    public var preprocessing = PreprocessingOverrides()
    /// Limits on the weight file.
    public var limits = WeightLimits()
    /// Whether averaged weights are used if a training checkpoint contains both.
    public var usesEMA = true
    /// How streams of images are read.
    public var decoding = DecodingOptions()
    /// Whether to keep the features for an `Explainer` after a run.
    var keepsFeatures = false

    /// The defaults.
    public init() {}
  }

  /// The network and its weights.
  public let network: LoadedNetwork
  /// The class names.
  public let labels: Labels
  /// What turns logits into probabilities.
  public let activation: OutputActivation
  /// The precision of the matrix products.
  public let precision: Precision
  /// Why `PrecisionChoice.auto` chose it, as a clause for messages; `nil` if the caller chose it.
  public let precisionReason: String?
  /// Warnings about how the weights were interpreted, one sentence each.
  public let warnings: [String]

  private let runner: NetworkRunner
  var session: InferenceSession { runner.session }

  /// Prepares a network.
  ///
  /// The preprocessing and limits in `options` are ignored, because the network is already loaded.
  ///
  /// - Throws: `PretrainedError.noClassifier`, `LabelsError`, `ClassifierError.softmaxOfOneOutput`, and
  ///   errors of `LoadedNetwork.decide(_:backend:)` and `LoadedNetwork.session(_:)`.
  public init(_ network: LoadedNetwork, options: Options = Options()) throws {
    try network.requireClassifier()
    self.network = network
    let classes = network.configuration.classes
    activation =
      options.activation ?? network.info.activation ?? (classes == 1 ? .sigmoid : .softmax)
    if classes == 1, activation == .softmax { throw ClassifierError.softmaxOfOneOutput }
    let named = try Self.labels(of: network, chosen: options.labels)
    labels = named ?? .numbered(classes)
    warnings =
      network.warnings
      + (named == nil
        ? ["\(network.file.path) has \(labels.count) classes but no class names; use --labels"]
        : [])
    let decision = try network.decide(options.precision, backend: options.backend)
    (precision, precisionReason) = (decision.precision, decision.reason)
    runner = try NetworkRunner(
      network,
      options: InferenceSession.Options(
        threads: options.threads, backend: options.backend, precision: precision,
        maximumBatch: options.maximumBatch,
        retained: options.keepsFeatures ? [network.head.features.id, network.head.pooled.id] : []),
      decoding: options.decoding)
  }

  /// Loads the weights of a model.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue.
  ///   - path: A safetensors or PyTorch file; `nil` searches with `WeightSearch.standard()`.
  /// - Throws: `PretrainedError`, `LabelsError`, `WeightsError`, `ModelError.unsupported`, and
  ///   `ParameterMismatch` with every tensor that does not fit the model.
  public convenience init(
    model: Model, weights path: String? = nil, options: Options = Options()
  ) throws {
    try self.init(
      LoadedNetwork(
        model, weights: path, limits: options.limits, usesEMA: options.usesEMA,
        overrides: options.preprocessing),
      options: options)
  }

  /// Loads weights by the name of their model, their path, or both.
  ///
  /// - Parameters:
  ///   - name: A model's name; if `nil`, the weights decide, or without a path `CNNZOO_MODEL`, or
  ///     else the most accurate weights installed.
  ///   - path: A safetensors or PyTorch file; `nil` searches with `WeightSearch.standard()`.
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

  /// The most probable classes of an image, best first.
  ///
  /// - Throws: `ClassifierError.nonFiniteLogit` if the network's output is not finite.
  public func classify(_ image: Image, topK: Int = 5) throws -> [Prediction] {
    try runner.run(image, read: predictions(topK: topK))
  }

  /// The most probable classes of each image, in order.
  ///
  /// - Throws: `ClassifierError.nonFiniteLogit` for the first image whose output is not finite.
  public func classify(_ images: [Image], topK: Int = 5) throws -> [[Prediction]] {
    var predictions: [[Prediction]] = []
    try classify(ImageInputs(images.lazy.map { .image($0) }), topK: topK) {
      predictions.append(try $0.result.get())
    }
    return predictions
  }

  /// Classifies a stream of images: the next ones are read and decoded while the network computes.
  ///
  /// - Parameters:
  ///   - images: For example `ImageInputs(paths: ["photos/"])`.
  ///   - receive: Called with the result for each image, in order and as soon as it is known. An
  ///     image that cannot be read or decoded does not affect the others.
  /// - Throws: Errors of `receive` and the source; the remaining images are then dropped.
  public func classify(
    _ images: some ImageSource, topK: Int = 5,
    receive: (ImageResult<[Prediction]>) throws -> Void
  ) throws {
    try runner.run(images, read: predictions(topK: topK), receive: receive)
  }

  /// The network's outputs for an image before the activation, one value per class.
  ///
  /// - Throws: `ClassifierError.nonFiniteLogit`.
  public func logits(of image: Image) throws -> [Float] {
    let predictions = predictions(topK: 0)
    return try runner.run(image) { session, image in
      _ = try predictions(session, image)
      return session.logits(image: image)
    }
  }

  /// Reads the ranked classes for an image.
  private func predictions(topK: Int) -> NetworkRunner.Read<[Prediction]> {
    let (labels, activation) = (labels, activation)
    return { session, image in
      do throws(ClassifierError) {
        return try Prediction.ranked(
          logits: session.logits(image: image), labels: labels, topK: topK, activation: activation)
      } catch .nonFiniteLogit(let index, _) {
        throw ClassifierError.nonFiniteLogit(
          index: index, layer: session.firstNonFiniteLayer(image: image))
      }
    }
  }

  /// The given labels, else those of the weights, else ImageNet's if the number of classes matches.
  ///
  /// It may or may not include a background class. `nil` if there are no labels.
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
