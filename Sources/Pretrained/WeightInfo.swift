import GraphIR
import Images
import Inference
import ModelZoo
import Weights

/// Which weights a file contains, and how to use them: the only place where this is decided.
///
/// The weights themselves do not say. These sources do, in this order: the file's own
/// `__metadata__`, the published set with the file's name, a `config.json` next to a file from
/// timm, and the tensors' names together with the requested model.
public struct WeightInfo: Sendable {
  /// The keys of `__metadata__`, apart from those of `Preprocessing`, which start with
  /// `preprocessing.`.
  public enum Key: String, Sendable, CaseIterable {
    /// The model's name.
    case model
    /// `symmetric` or `same`.
    case padding
    /// What batch norm adds to the variance.
    case epsilon
    /// The class names, one per line.
    case labels
    /// Where the weights came from.
    case source
    /// Their licence.
    case license
    /// MobileNetV3's width multiplier, unless it is 1.
    case widthMultiplier = "width_multiplier"
    /// `true` if MobileNetV3's tail is reduced.
    case reducedTail = "reduced_tail"
    /// `softmax`, `sigmoid` or `none`.
    case activation
    /// `f32`, `bf16` or `int8`: the precision of the features that a trained head was fitted to.
    case featurePrecision = "feature_precision"
  }

  /// The network.
  public let model: Model
  /// How the file names its tensors.
  public let naming: ParameterNaming
  /// The implementation of the network that the weights were trained with.
  public let implementation: Implementation
  /// The published set with the file's name; `nil` for other files.
  ///
  /// The `config.json` is not considered: that of a fine-tuned network may still name the set that
  /// the training started from.
  public let published: PublishedWeights?
  /// The preprocessing from image to normalised input.
  public var preprocessing: Preprocessing
  /// The convolutions' padding rule.
  public var padding: Padding
  /// The epsilon that every batch norm adds to the variance.
  public var epsilon: Double
  /// MobileNetV3's width multiplier; 1 for other networks.
  public var widthMultiplier: Double
  /// Whether MobileNetV3's tail is reduced.
  public var reducedTail: Bool
  /// Outputs of the classifier.
  public var classes: Int
  /// What turns logits into probabilities, if the file says so.
  public var activation: OutputActivation?
  /// The precision of the features that a trained head was fitted to, if the file says so.
  public var featurePrecision: Precision?
  /// The class names, if the file or its `config.json` has them.
  public var labels: Labels?
  /// Where the weights came from, if known.
  public var source: String?
  /// Their licence, if known.
  public var license: String?
  /// Warnings about how the file was interpreted, one sentence each.
  public internal(set) var warnings: [String]

  /// Reads what a file says about itself.
  ///
  /// - Parameters:
  ///   - set: The network's tensors in the file.
  ///   - model: The network to read it as.
  /// - Throws: `PretrainedError.otherModel`, `.metadata`.
  public init(of set: TensorSet, as model: Model) throws(PretrainedError) {
    let names = Set(set.names)
    // Without a stem nothing fits; names that the caller expects make the better message.
    let isKnown = ParameterNaming.allCases.contains { names.contains($0.stem) }
    let naming = isKnown ? ParameterNaming.detect(in: names) : model.implementations[0].naming
    try self.init(
      path: set.file.path, metadata: set.file.metadata, model: model, naming: naming,
      classes: Self.classCount(in: set, of: model, naming: naming))
  }

  /// The length of the classifier's bias, if the file has one of a valid length.
  static func classCount(
    in set: TensorSet, of model: Model, naming: ParameterNaming
  ) -> Int? {
    let bias = set[model.classifierName(in: naming) + ".bias"]
    guard let shape = bias?.shape, shape.count == 1, (1...1_000_000).contains(shape[0]) else {
      return nil
    }
    return shape[0]
  }

  /// Reads the description of a file whose tensors follow `naming`.
  ///
  /// - Parameter classes: The length of the classifier's bias; `nil` means ImageNet's 1000.
  /// - Throws: `PretrainedError.otherModel`, `.metadata`.
  package init(
    path: String, metadata: [String: String], model: Model,
    naming: ParameterNaming = .torchvision, classes: Int? = nil
  ) throws(PretrainedError) {
    let fields = MetadataFields(path: path, metadata: metadata)
    let name = metadata[Key.model.rawValue]
    if let name { try Self.check(name, is: model, path: path) }
    // A self-describing file needs no `config.json`, and may be next to an unrelated one.
    let hub = naming == .timm && name == nil ? try HubConfiguration(beside: path) : nil
    if let hub { try Self.check(hub.architecture, is: model, path: hub.path) }

    let names = Self.possibleNames(of: path)
    let published = model.published.first {
      names.contains($0.name) || names.contains($0.fileName)
    }
    let implementation =
      published?.implementation
      ?? model.implementations.first { names.contains($0.name) || $0.name == hub?.architecture }
      ?? model.implementations.first { $0.naming == naming } ?? model.implementations[0]
    // These weights most likely expect this set's preprocessing.
    let nearest =
      published ?? model.published.first { $0.name == hub?.setName }
      ?? model.published.first { $0.implementation == implementation }
      ?? model.published.first { $0.implementation.naming == naming } ?? model.published.first

    self.model = model
    self.naming = naming
    self.implementation = implementation
    self.published = published
    let own = try fields.preprocessing()
    preprocessing =
      own ?? hub?.preprocessing ?? nearest?.preprocessing ?? .plain(model.evaluationSize)
    if let fault = preprocessing.scaleFault {
      throw .metadata(path: own == nil ? hub?.path ?? path : path, reason: fault)
    }
    padding =
      try fields.value(.padding, expected: "symmetric or same") { Padding(rawValue: $0) }
      ?? implementation.padding
    epsilon =
      try fields.value(.epsilon, expected: "a number") { Double($0) }
      ?? implementation.epsilon
    widthMultiplier = try fields.value(.widthMultiplier, expected: "a number") { Double($0) } ?? 1
    reducedTail =
      try fields.value(.reducedTail, expected: "true or false") { Bool($0) } ?? false
    self.classes = classes ?? Labels.imageNet.count
    activation = try fields.value(.activation, expected: "softmax, sigmoid or none") {
      OutputActivation(rawValue: $0)
    }
    if activation == .softmax, classes == 1 {
      throw .metadata(
        path: path, reason: "activation is softmax, which is always 1 for a single output")
    }
    featurePrecision = try fields.value(.featurePrecision, expected: "f32, bf16 or int8") {
      Precision(rawValue: $0)
    }
    labels = metadata[Key.labels.rawValue].map { Labels(lines: $0, source: path) } ?? hub?.labels
    source = metadata[Key.source.rawValue] ?? published?.origin
    license = metadata[Key.license.rawValue] ?? published?.license

    var warnings: [String] = []
    if own == nil, published == nil, hub?.preprocessing == nil, implementation.naming == .timm,
      let nearest
    {
      warnings.append(
        "\(path) has timm's tensor names but no preprocessing; using that of \(nearest.name)."
          + " Use --model NAME.TAG to select another")
    }
    if classes == Labels.imageNet.count + 1 {
      warnings.append(
        "\(path) has \(Labels.imageNet.count + 1) classes; assuming that the first is TensorFlow's"
          + " background class, followed by ImageNet's")
    }
    self.warnings = warnings

    do {
      try model.check(configuration)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
  }

  /// The variant of the network that these weights need.
  public var configuration: ModelConfiguration {
    ModelConfiguration(
      inputSize: preprocessing.crop, classes: classes, padding: padding, epsilon: epsilon,
      widthMultiplier: widthMultiplier, reducedTail: reducedTail)
  }

  /// Adopts the parts of a configuration that are properties of the weights.
  mutating func adopt(_ configuration: ModelConfiguration) {
    classes = configuration.classes
    padding = configuration.padding
    epsilon = configuration.epsilon
    widthMultiplier = configuration.widthMultiplier
    reducedTail = configuration.reducedTail
  }

  /// The `__metadata__` of a file with these weights.
  public var metadata: [String: String] {
    var entries = preprocessing.metadata
    for key in Key.allCases {
      entries[key.rawValue] =
        switch key {
        case .model: model.name
        case .padding: padding.rawValue
        case .epsilon: "\(epsilon)"
        case .labels: labels?.text
        case .source: source
        case .license: license
        case .widthMultiplier: widthMultiplier == 1 ? nil : "\(widthMultiplier)"
        case .reducedTail: reducedTail ? "true" : nil
        case .activation: activation?.rawValue
        case .featurePrecision: featurePrecision?.rawValue
        }
    }
    return entries
  }

  /// Throws unless `name` is one of the model's names.
  private static func check(
    _ name: String, is model: Model, path: String
  ) throws(PretrainedError) {
    let found = (try? ModelCatalog.model(named: name))?.name ?? name
    guard found == model.name else {
      throw .otherModel(path: path, expected: model.name, found: found)
    }
  }

  /// The prefixes of the file's name up to each dot, because names of sets can contain dots.
  static func possibleNames(of path: String) -> Set<String> {
    let name = path.split(separator: "/").last ?? ""
    return Set(name.indices.filter { name[$0] == "." }.map { String(name[..<$0]) } + [String(name)])
  }
}

/// The function that turns logits into probabilities.
public enum OutputActivation: String, Sendable, CaseIterable {
  /// Exactly one class applies; the probabilities add up to 1.
  case softmax
  /// Each class applies or not, independently of the others: multi-label and binary heads.
  case sigmoid
  /// No activation: the logits are reported.
  case identity = "none"
}

/// Typed values from a file's `__metadata__`.
private struct MetadataFields {
  let path: String
  let metadata: [String: String]

  func value<Value>(
    _ key: WeightInfo.Key, expected: String, _ parse: (String) -> Value?
  ) throws(PretrainedError) -> Value? {
    guard let text = metadata[key.rawValue] else { return nil }
    guard let value = parse(text) else {
      throw .metadata(
        path: path, reason: "\(key.rawValue) is \"\(text.prefix(60))\"; expected \(expected)")
    }
    return value
  }

  func preprocessing() throws(PretrainedError) -> Preprocessing? {
    do {
      return try Preprocessing(metadata: metadata)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
  }
}

extension Preprocessing {
  /// For models without published weights: no crop, pixels scaled to -1…1.
  fileprivate static func plain(_ side: Int) -> Preprocessing {
    Preprocessing(
      resize: side, crop: side, interpolation: .bilinear, mean: SIMD3(repeating: 0.5),
      standardDeviation: SIMD3(repeating: 0.5))
  }
}
