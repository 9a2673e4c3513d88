/// What is known about a set of weights besides its numbers.
///
/// A weight file's `__metadata__` says it under the keys of `Key` and those of `Preprocessing`;
/// where it says nothing, the catalogue's published weights do.
public struct WeightFacts: Sendable, Equatable {
  /// The keys of `__metadata__`, apart from the recipe's, which begin with `preprocessing.`.
  public enum Key: String, Sendable, CaseIterable {
    /// The model's name.
    case model
    /// `symmetric` or `same`.
    case padding
    /// What batch norm adds to the variance.
    case epsilon
    /// The classes' names, one a line.
    case labels
    /// Where the weights came from.
    case source
    /// Their licence.
    case license
    /// MobileNetV3's width multiplier, where it is not 1.
    case widthMultiplier = "width_multiplier"
    /// `true` where MobileNetV3's tail is reduced.
    case reducedTail = "reduced_tail"
  }

  /// How pictures must be given to the network.
  public var recipe: Recipe
  /// The classes' names, where the file holds them.
  public var labels: Labels?
  /// Where the weights came from, where that is known.
  public var source: String?
  /// Their licence, where that is known.
  public var license: String?
  /// What every batch norm adds to the variance.
  public var epsilon: Double
  /// MobileNetV3's width multiplier, otherwise 1.
  public var widthMultiplier = 1.0
  /// Whether MobileNetV3's tail is reduced.
  public var reducedTail = false

  /// The facts about a file that is to be read as weights of `model`.
  ///
  /// What the metadata do not say is that of the published weights whose name the file has or a
  /// `config.json` beside it tells, else that of the model's first published weights of such names.
  ///
  /// - Parameter naming: How the file names its tensors.
  /// - Throws: `ClassifierError.otherModel`, `.metadata`.
  public init(
    path: String, metadata: [String: String], model: Model,
    naming: ParameterNaming = .torchvision
  ) throws(ClassifierError) {
    let origin = try WeightOrigin(path: path, metadata: metadata, model: model, naming: naming)
    try self.init(path: path, metadata: metadata, model: model, origin: origin)
  }

  init(
    path: String, metadata: [String: String], model: Model, origin: WeightOrigin
  ) throws(ClassifierError) {
    func read<Value>(
      _ key: Key, expected: String, _ parse: (String) -> Value?
    ) throws(ClassifierError) -> Value? {
      guard let text = metadata[key.rawValue] else { return nil }
      guard let value = parse(text) else {
        throw .metadata(
          path: path, reason: "\(key.rawValue) is \"\(text.prefix(60))\"; expected \(expected)")
      }
      return value
    }
    if let name = metadata[Key.model.rawValue] {
      let found = (try? ModelCatalog.model(named: name))?.name ?? name
      guard found == model.name else {
        throw .otherModel(path: path, expected: model.name, found: found)
      }
    }
    let preprocessing: Preprocessing?
    do {
      preprocessing = try Preprocessing(metadata: metadata)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
    recipe = Recipe(
      preprocessing: preprocessing ?? origin.hub?.preprocessing ?? origin.recipe?.preprocessing
        ?? .plain(model.evaluationSize),
      padding: try read(.padding, expected: "symmetric or same") { Padding(rawValue: $0) }
        ?? origin.implementation.padding)
    labels =
      metadata[Key.labels.rawValue].map { Labels(lines: $0, source: path) } ?? origin.hub?.labels
    source = metadata[Key.source.rawValue] ?? origin.published?.origin
    license = metadata[Key.license.rawValue] ?? origin.published?.license
    epsilon =
      try read(.epsilon, expected: "a number", { Double($0) }) ?? origin.implementation.epsilon
    widthMultiplier =
      try read(.widthMultiplier, expected: "a number", { Double($0) }) ?? widthMultiplier
    reducedTail = try read(.reducedTail, expected: "true or false", { Bool($0) }) ?? reducedTail
    try checkForm(path: path, model: model)
  }

  /// Throws where the model has no such form.
  private func checkForm(path: String, model: Model) throws(ClassifierError) {
    var configuration = model.defaultConfiguration
    configuration.epsilon = epsilon
    configuration.widthMultiplier = widthMultiplier
    configuration.reducedTail = reducedTail
    do {
      _ = try model.graph(configuration)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
  }

  /// The facts as text for the `__metadata__` of a file of weights of `model`.
  public func metadata(for model: Model) -> [String: String] {
    var entries = recipe.preprocessing.metadata
    for key in Key.allCases {
      entries[key.rawValue] =
        switch key {
        case .model: model.name
        case .padding: recipe.padding.rawValue
        case .epsilon: "\(epsilon)"
        case .labels: labels?.text
        case .source: source
        case .license: license
        case .widthMultiplier: widthMultiplier == 1 ? nil : "\(widthMultiplier)"
        case .reducedTail: reducedTail ? "true" : nil
        }
    }
    return entries
  }
}

extension Preprocessing {
  /// A recipe for a model without published weights: no crop, pixels scaled to -1…1.
  fileprivate static func plain(_ side: Int) -> Preprocessing {
    Preprocessing(
      resize: side, crop: side, interpolation: .bilinear, mean: SIMD3(repeating: 0.5),
      standardDeviation: SIMD3(repeating: 0.5))
  }
}
