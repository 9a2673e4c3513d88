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
  /// MobileNetV3's width multiplier, otherwise 1.
  public var widthMultiplier = 1.0
  /// Whether MobileNetV3's tail is reduced.
  public var reducedTail = false

  /// The facts about a file that is to be read as weights of `model`.
  ///
  /// The recipe is the one in the metadata, else that of the published weights whose file name
  /// this file has, else that of the model's first published weights.
  ///
  /// - Throws: `ClassifierError.otherModel`, `.metadata`.
  public init(
    path: String, metadata: [String: String], model: Model
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
    let published = PublishedWeights.matching(path: path, of: model)
    let preprocessing: Preprocessing?
    do {
      preprocessing = try Preprocessing(metadata: metadata)
    } catch {
      throw .metadata(path: path, reason: error.description)
    }
    let usual = published ?? model.published.first
    recipe = Recipe(
      preprocessing: preprocessing ?? usual?.preprocessing ?? .plain(model.evaluationSize),
      padding: try read(.padding, expected: "symmetric or same") { Padding(rawValue: $0) }
        ?? usual?.padding ?? .symmetric)
    labels = metadata[Key.labels.rawValue].map { Labels(lines: $0, source: path) }
    source = metadata[Key.source.rawValue] ?? published?.origin
    license = metadata[Key.license.rawValue]
    widthMultiplier =
      try read(.widthMultiplier, expected: "a number", { Double($0) }) ?? widthMultiplier
    reducedTail = try read(.reducedTail, expected: "true or false", { Bool($0) }) ?? reducedTail
    try checkForm(path: path, model: model)
  }

  /// Throws where the model has no such form.
  private func checkForm(path: String, model: Model) throws(ClassifierError) {
    guard widthMultiplier != 1 || reducedTail else { return }
    var configuration = model.defaultConfiguration
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

extension PublishedWeights {
  /// The one of a model's published weights that a file called so holds.
  static func matching(path: String, of model: Model) -> PublishedWeights? {
    let name = path.split(separator: "/").last ?? ""
    return model.published.first { name == $0.fileName || name.hasPrefix($0.fileName + ".") }
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
