/// A network of the catalogue together with a weight file that fits it.
public struct LoadedNetwork: Sendable {
  /// The network.
  public let model: Model
  /// The mapped file.
  public let file: WeightFile
  /// What is known about the weights, with overrides applied.
  public let facts: WeightFacts
  /// The form of the network that the file holds.
  public let configuration: ModelConfiguration
  /// The network in that form.
  public let graph: Graph

  /// What a user should know of how the file was understood, a sentence each.
  public let remarks: [String]

  let parameters: FileParameters

  /// Matches `model` with the weights in `file`.
  ///
  /// The class count is that of the file's classifier; input size and padding follow its recipe.
  ///
  /// - Parameters:
  ///   - overrides: Parts of the recipe to be used instead of the file's.
  ///   - configure: Changes what the file and the recipe tell about the network.
  /// - Throws: `ClassifierError` for facts that cannot be, `ModelError.unsupported` for a form that
  ///   the network cannot have, `ParameterMismatch` with every tensor that does not fit.
  public init(
    _ model: Model, file: WeightFile, overrides: RecipeOverrides = RecipeOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    let naming = ParameterNaming.detect(in: TensorNames.stripped(file.names))
    let origin = try WeightOrigin(
      path: file.path, metadata: file.metadata, model: model, naming: naming)
    var facts = try WeightFacts(
      path: file.path, metadata: file.metadata, model: model, origin: origin)
    facts.recipe = try overrides.applied(to: facts.recipe)
    var configuration = ModelConfiguration(
      inputSize: facts.recipe.preprocessing.crop, padding: facts.recipe.padding,
      epsilon: facts.epsilon, widthMultiplier: facts.widthMultiplier,
      reducedTail: facts.reducedTail)
    if let classes = try Self.classCount(in: file, of: model, naming: naming) {
      configuration.classes = classes
    }
    configure(&configuration)
    facts.widthMultiplier = configuration.widthMultiplier
    facts.reducedTail = configuration.reducedTail
    facts.recipe.padding = configuration.padding
    graph = try model.graph(configuration)
    self.model = model
    self.file = file
    self.facts = facts
    self.configuration = configuration
    remarks = Self.remarks(
      on: file, origin: origin, classes: configuration.classes, overrides: overrides)
    parameters = try FileParameters(
      file: file, graph: graph, names: model.fileNames(of: graph, in: naming))
  }

  private static func remarks(
    on file: WeightFile, origin: WeightOrigin, classes: Int, overrides: RecipeOverrides
  ) -> [String] {
    var remarks: [String] = []
    let saysRecipe =
      origin.published != nil || origin.hub?.preprocessing != nil
      || file.metadata.keys.contains { $0.hasPrefix("preprocessing.") }
    if !saysRecipe, origin.implementation.naming == .timm, let recipe = origin.recipe {
      remarks.append(
        "\(file.path) has timm's names and no recipe; taking that of \(recipe.name)."
          + " --model NAME.TAG chooses another")
    }
    if classes == Labels.imageNet.count + 1 {
      remarks.append(
        "\(file.path) has \(classes) classes; taking the first for TensorFlow's background, and"
          + " ImageNet's after it")
    }
    return remarks
  }

  /// The network with its weights, ready to run.
  ///
  /// - Throws: `InferenceError.badParameter` for values that no weights have, `WeightsError` where the
  ///   file changed, `ProcessorError` for a forced instruction set that is not there.
  public func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    try InferenceSession(graph: graph, parameters: parameters, options: options)
  }

  /// Reads every value once, as a session would.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  func verifyValues() throws {
    for parameter in graph.parameters {
      try parameters.withValues(of: parameter) { _ in }
      parameters.release(parameter)
    }
  }

  /// The length of the file's classifier bias, where that can be.
  private static func classCount(
    in file: WeightFile, of model: Model, naming: ParameterNaming
  ) throws(ModelError) -> Int? {
    let graph = try model.graph()
    let bias = graph.nodes[graph.output].parameters.first { $0.role == .bias }
    guard let bias, let name = model.fileNames(of: graph, in: naming)[bias.name],
      let tensor = file[file.wrapperPrefix + name], tensor.shape.count == 1,
      (1...1_000_000).contains(tensor.shape[0])
    else { return nil }
    return tensor.shape[0]
  }
}
