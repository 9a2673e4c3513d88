import GraphIR
import Inference
import ModelZoo
import Weights

/// A network together with a matching weight file.
public struct LoadedNetwork: Sendable {
  /// The network.
  public let model: Model
  /// The mapped file.
  public let file: WeightFile
  /// Information about the weights, with overrides applied.
  public private(set) var info: WeightInfo
  /// The variant of the network that the file is for.
  public let configuration: ModelConfiguration
  /// The graph of that variant.
  public let graph: Graph

  package let parameters: FileParameters
  private let fileNames: [String: String]

  /// Finds, opens and checks weights.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue; if `nil`, the weights decide.
  ///   - path: A safetensors or PyTorch file; `nil` searches the usual folders. Without a model either,
  ///     `CNNZOO_MODEL` decides, or else the most accurate weights installed: see
  ///     `WeightSearch.choose(_:weights:limits:)`.
  ///   - limits: Limits on the weight file.
  ///   - overrides: Replaces parts of the weights' own preprocessing.
  ///   - configure: Changes the configuration derived from the file.
  /// - Throws: `PretrainedError`, `WeightsError`, and errors of the other initialiser.
  public init(
    _ model: Model? = nil, weights path: String? = nil, limits: WeightLimits = WeightLimits(),
    overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    let choice = try WeightSearch.standard().choose(model, weights: path, limits: limits)
    try self.init(choice, overrides: overrides, configure: configure)
  }

  /// Opens the chosen weights.
  ///
  /// - Throws: Errors of the other initialisers.
  public init(
    _ choice: WeightChoice, overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    try self.init(
      choice.model, file: choice.file, overrides: overrides, configure: configure)
    info.warnings = [choice.warning].compactMap(\.self) + info.warnings
  }

  /// Checks that `file` contains weights of `model`.
  ///
  /// The class count is that of the file's classifier; input size and padding are those of its
  /// preprocessing.
  ///
  /// - Throws: `PretrainedError` for invalid metadata or overrides, `ModelError.unsupported` for a
  ///   configuration that the network cannot have, `ParameterMismatch` with every tensor that does
  ///   not fit.
  public init(
    _ model: Model, file: WeightFile, overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    var info = try WeightInfo(of: file, as: model)
    try overrides.apply(to: &info)
    var configuration = info.configuration
    configure(&configuration)
    info.adopt(configuration)
    graph = try model.graph(configuration)
    fileNames = model.fileNames(of: graph, in: info.naming)
    parameters = try FileParameters(file: file, graph: graph, names: fileNames)
    self.model = model
    self.file = file
    self.info = info
    self.configuration = configuration
  }

  /// Warnings about how the file was interpreted, one sentence each.
  public var warnings: [String] { info.warnings }

  /// The network with its weights, ready to run.
  ///
  /// - Throws: `InferenceError.badParameter` for values that weights cannot have, `WeightsError` if
  ///   the file changed, `ProcessorError` for a forced instruction set that is missing.
  public func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    try InferenceSession(graph: graph, parameters: parameters, options: options)
  }

  /// The name that the file uses for each parameter, by the name in the graph; without the prefix of a
  /// wrapper.
  package var parameterNames: [String: String] { fileNames }

  /// The name that the file uses for a node's parameter.
  package func fileName(of node: Node, _ role: Parameter.Role) -> String? {
    guard let parameter = node.parameters.first(where: { $0.role == role }),
      let name = fileNames[parameter.name]
    else { return nil }
    return file.wrapperPrefix + name
  }

  /// Reads and checks every value once, as a session would.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  package func verifyValues() throws {
    for parameter in graph.parameters {
      try parameters.withValues(of: parameter) { _ in }
      parameters.release(parameter)
    }
  }
}
