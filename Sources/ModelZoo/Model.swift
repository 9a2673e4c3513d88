import GraphIR

/// A network of the catalogue: its names, its defaults, and how to build its graph.
public struct Model: Sendable {
  /// The family of papers and tables that it comes from.
  public enum Family: String, Hashable, Sendable, CaseIterable {
    case efficientNetV2 = "EfficientNetV2"
    case mobileNetV3 = "MobileNetV3"
    case efficientNetLite = "EfficientNet-Lite"
  }

  /// The model's main name, such as `effnetv2-s`.
  public let name: String
  /// The family it belongs to.
  public let family: Family
  /// Side of the square input for the published figures.
  public let evaluationSize: Int
  /// Implementations in other libraries, starting with the default.
  public let implementations: [Implementation]
  /// Published weights, starting with the default.
  public let published: [PublishedWeights]

  private let build: @Sendable (ModelConfiguration) -> Graph

  package init(
    _ name: String, family: Family, evaluationSize: Int, implementations: [Implementation],
    published: [PublishedWeights],
    build: @escaping @Sendable (ModelConfiguration) -> Graph
  ) {
    self.name = name
    self.family = family
    self.evaluationSize = evaluationSize
    self.implementations = implementations
    self.published = published
    self.build = build
  }

  /// Its names in other libraries, such as `efficientnet_v2_s`.
  public var aliases: [String] { implementations.map(\.name) }

  /// The published variant: 1000 classes, the evaluation size, and the settings of the default
  /// weights.
  public var defaultConfiguration: ModelConfiguration {
    ModelConfiguration(
      inputSize: evaluationSize, padding: implementations[0].padding,
      epsilon: implementations[0].epsilon)
  }

  /// The same network with the implementation and weights called `name` as the default.
  ///
  /// `name` is one of `aliases` or one of the names in `published`.
  ///
  /// - Returns: `nil` if there is no such name.
  func preferring(_ isWanted: (String) -> Bool) -> Model? {
    if isWanted(name) { return self }
    let weights = published.first { isWanted($0.name) }
    guard let build = weights?.implementation ?? implementations.first(where: { isWanted($0.name) })
    else { return nil }
    let preferred = published.filter { $0 == weights }
    let alike = published.filter { $0 != weights && $0.implementation == build }
    let others = published.filter { $0 != weights && $0.implementation != build }
    return Model(
      name, family: family, evaluationSize: evaluationSize,
      implementations: [build] + implementations.filter { $0 != build },
      published: preferred + alike + others, build: self.build)
  }

  /// The name of every parameter in a file that follows `naming`, by the name in the graph.
  public func fileNames(of graph: Graph, in naming: ParameterNaming) -> [String: String] {
    naming.fileNames(for: graph)
  }

  /// The classifier's name in a file that follows `naming`: a linear layer with `weight` and `bias`.
  package func classifierName(in naming: ParameterNaming) -> String {
    switch naming {
    case .torchvision: family == .mobileNetV3 ? "classifier.3" : "classifier.1"
    case .timm: "classifier"
    case .litePackage: "_fc"
    }
  }

  /// The graph for `configuration`, or for the published variant.
  ///
  /// - Throws: `ModelError.unsupported` for a configuration that the network cannot have.
  public func graph(_ configuration: ModelConfiguration? = nil) throws(ModelError) -> Graph {
    let configuration = configuration ?? defaultConfiguration
    try check(configuration)
    return build(configuration)
  }

  /// Throws `ModelError.unsupported` for a configuration that the network cannot have.
  package func check(_ configuration: ModelConfiguration) throws(ModelError) {
    if let reason = fault(in: configuration) {
      throw .unsupported(model: name, reason: reason)
    }
  }

  private func fault(in configuration: ModelConfiguration) -> String? {
    let sides = 1...8192
    if !sides.contains(configuration.inputHeight) || !sides.contains(configuration.inputWidth) {
      return "an input of \(configuration.inputHeight)x\(configuration.inputWidth) pixels;"
        + " each side must be from 1 to 8192"
    }
    if !(1...1_000_000).contains(configuration.classes) {
      return "\(configuration.classes) classes; the count must be from 1 to 1000000"
    }
    if !(configuration.epsilon >= 0 && configuration.epsilon < 1) {
      return "a batch norm's epsilon of \(configuration.epsilon); it must be from 0 to below 1"
    }
    if family != .mobileNetV3
      && (configuration.widthMultiplier != 1 || configuration.reducedTail)
    {
      return "a width multiplier or a reduced tail; only MobileNetV3 defines them"
    }
    if let fused = configuration.fusedStages {
      guard family == .efficientNetV2 else {
        return "Fused-MBConv stages; only EfficientNetV2 has them"
      }
      let stages = (build(defaultConfiguration).nodes.compactMap(\.stage).max() ?? -1) + 1
      if !(0...stages).contains(fused) {
        return "\(fused) Fused-MBConv stages; the number must be from 0 to \(stages)"
      }
    }
    if !(0..<1).contains(configuration.stochasticDepth) {
      return "stochastic depth of \(configuration.stochasticDepth); it must be from 0 to below 1"
    }
    if let dropout = configuration.dropout, !(0..<1).contains(dropout) {
      return "a dropout of \(dropout); it must be from 0 to below 1"
    }
    if !(0.05...16).contains(configuration.widthMultiplier) {
      return "a width multiplier of \(configuration.widthMultiplier); it must be from 0.05 to 16"
    }
    return nil
  }
}

/// Why a model could not be found or built.
public enum ModelError: Error, Equatable, Sendable {
  /// No model has this name; the nearest names, best first.
  case unknown(name: String, suggestions: [String])
  /// The network cannot have this configuration.
  case unsupported(model: String, reason: String)
}

extension ModelError: CustomStringConvertible {
  /// One line: what is wrong, and the alternatives.
  public var description: String {
    switch self {
    case .unknown(let name, let suggestions):
      let hint =
        suggestions.isEmpty ? "" : " Did you mean \(suggestions.joined(separator: " or "))?"
      return "unknown model \"\(name)\".\(hint)"
        + " The models are: \(ModelCatalog.models.map(\.name).joined(separator: ", "))."
    case .unsupported(let model, let reason):
      return "\(model) cannot have \(reason)"
    }
  }
}

/// Settings of a network that a caller chooses; the architecture determines the rest.
public struct ModelConfiguration: Hashable, Sendable {
  /// Rows of the input image.
  public var inputHeight: Int
  /// Positions in a row of the input image.
  public var inputWidth: Int
  /// Outputs of the classifier.
  public var classes: Int
  /// The padding rule that the weights were trained with.
  public var padding: Padding
  /// The epsilon that every batch norm adds to the variance.
  ///
  /// 1e-3 in the original networks of the three families, 1e-5 in networks trained by timm.
  public var epsilon: Double
  /// Width multiplier of a MobileNetV3 (section 6.1 of its paper); 1 for every other family.
  public var widthMultiplier: Double
  /// Whether MobileNetV3's last stage is half as wide, as for detection and segmentation.
  public var reducedTail: Bool
  /// Leading stages with Fused-MBConv blocks in an EfficientNetV2, the others having MBConv; `nil` as
  /// published.
  ///
  /// For measurements such as the paper's table 3; there are no weights for other numbers.
  public var fusedStages: Int?
  /// In training, the probability of dropping the last block's branch.
  ///
  /// It rises linearly from 0 at the first block (Huang et al. 2016, arXiv 1603.09382). MobileNetV3 has
  /// no stochastic depth.
  public var stochasticDepth = 0.2
  /// In training, the probability of zeroing an input of the classifier; `nil` for the family's own.
  public var dropout: Double?

  /// A configuration for square images of side `inputSize`.
  public init(
    inputSize: Int, classes: Int = 1000, padding: Padding = .symmetric,
    epsilon: Double = 1e-3, widthMultiplier: Double = 1, reducedTail: Bool = false
  ) {
    self.inputHeight = inputSize
    self.inputWidth = inputSize
    self.classes = classes
    self.padding = padding
    self.epsilon = epsilon
    self.widthMultiplier = widthMultiplier
    self.reducedTail = reducedTail
  }

  var inputShape: TensorShape {
    TensorShape(height: inputHeight, width: inputWidth, channels: 3)
  }
}
