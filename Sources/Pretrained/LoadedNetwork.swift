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
  /// The tensors in use, and their alternative in a training checkpoint.
  public let tensors: TensorChoice

  package let parameters: FileParameters
  private let fileNames: [String: String]
  private let missingHead: ParameterMatch.Head?
  private let ignoredNames: [String]

  /// Finds, opens and checks weights.
  ///
  /// - Parameters:
  ///   - model: A model of the catalogue; if `nil`, the weights decide.
  ///   - path: A safetensors or PyTorch file; `nil` searches the usual folders. Without a model either,
  ///     `CNNZOO_MODEL` decides, or else the most accurate weights installed: see
  ///     `WeightSearch.choose(_:weights:limits:)`.
  ///   - limits: Limits on the weight file.
  ///   - usesEMA: Whether averaged weights are used if the file contains both.
  ///   - overrides: Replaces parts of the weights' own preprocessing.
  ///   - configure: Changes the configuration derived from the file.
  /// - Throws: `PretrainedError`, `WeightsError`, and errors of the other initialiser.
  public init(
    _ model: Model? = nil, weights path: String? = nil, limits: WeightLimits = WeightLimits(),
    usesEMA: Bool = true, overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    let choice = try WeightSearch.standard().choose(model, weights: path, limits: limits)
    try self.init(choice, usesEMA: usesEMA, overrides: overrides, configure: configure)
  }

  /// Opens the chosen weights.
  ///
  /// - Throws: Errors of the other initialisers.
  public init(
    _ choice: WeightChoice, usesEMA: Bool = true,
    overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    try self.init(
      choice.model, file: choice.file, usesEMA: usesEMA, overrides: overrides,
      configure: configure)
    info.warnings = [choice.warning].compactMap(\.self) + info.warnings
  }

  /// Checks that `file` contains weights of `model`; they may lack the head.
  ///
  /// The class count is that of the file's classifier; input size and padding are those of its
  /// preprocessing. In a training checkpoint, the tensors that fit are used, whatever precedes their
  /// names.
  ///
  /// - Parameter usesEMA: Whether averaged weights are used if the file contains both.
  /// - Throws: `PretrainedError` for invalid metadata or overrides, `ModelError.unsupported` for a
  ///   configuration that the network cannot have, `ParameterMismatch` with every tensor that does
  ///   not fit, and the likely cause.
  public init(
    _ model: Model, file: WeightFile, usesEMA: Bool = true,
    overrides: PreprocessingOverrides = PreprocessingOverrides(),
    configure: (inout ModelConfiguration) -> Void = { _ in }
  ) throws {
    tensors = try TensorChoice(of: file.networkSets, usesEMA: usesEMA) { set in
      let reading = try? Reading(of: set, as: model, overrides, configure)
      return reading?.match.differences ?? .max
    }
    let reading = try Reading(of: tensors.set, as: model, overrides, configure)
    guard reading.match.mismatch.isEmpty else {
      throw MismatchDiagnosis(reading.match, of: model, reading.configuration).explained
    }
    info = reading.info
    (configuration, graph, fileNames) = (reading.configuration, reading.graph, reading.names)
    parameters = FileParameters(reading.match)
    missingHead = reading.match.missingHead
    self.model = model
    self.file = file
    ignoredNames = reading.match.ignored.map(\.name)
    if !ignoredNames.isEmpty {
      let names = ignoredNames.prefix(3).joined(separator: ", ")
      let more = ignoredNames.count > 3 ? ", …" : ""
      info.warnings.append(
        "\(file.path) has tensors beside the network's, which are ignored: \(names)\(more)")
    }
  }

  /// A set of tensors, compared with the network that it describes.
  private struct Reading {
    let info: WeightInfo
    let configuration: ModelConfiguration
    let graph: Graph
    let names: [String: String]
    let match: ParameterMatch

    init(
      of set: TensorSet, as model: Model, _ overrides: PreprocessingOverrides,
      _ configure: (inout ModelConfiguration) -> Void
    ) throws {
      var info = try WeightInfo(of: set, as: model)
      try overrides.apply(to: &info)
      var configuration = info.configuration
      configure(&configuration)
      info.adopt(configuration)
      graph = try model.graph(configuration)
      names = model.fileNames(of: graph, in: info.naming)
      match = ParameterMatch(set, graph: graph, names: names)
      (self.info, self.configuration) = (info, configuration)
    }
  }

  /// Warnings about how the file was interpreted, one sentence each.
  public var warnings: [String] { info.warnings }

  /// Whether the file contains the classifier; without it there are features, but no classes.
  public var hasClassifier: Bool { missingHead == nil }

  /// Whether the file contains the hidden layer before the classifier, if the network has one.
  public var hasHiddenLayer: Bool { missingHead?.hidden.isEmpty ?? true }

  /// Throws `PretrainedError.noClassifier` if the file does not contain the classifier.
  public func requireClassifier() throws(PretrainedError) {
    guard hasClassifier else { throw .noClassifier(path: file.path, model: model.name) }
  }

  /// The network with its weights, ready to run.
  ///
  /// - Throws: `PretrainedError.noClassifier`, `InferenceError.badParameter` for values that weights
  ///   cannot have, `WeightsError` if the file changed, `ProcessorError` for a forced instruction set
  ///   that is missing.
  public func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    try requireClassifier()
    return try featureSession(options)
  }

  /// A session for features; without a classifier in the file, all logits are zero.
  package func featureSession(_ options: InferenceSession.Options) throws -> InferenceSession {
    try InferenceSession(graph: graph, parameters: parameters, options: options)
  }

  /// The name that the file uses for each parameter, by the name in the graph; without the prefix of a
  /// wrapper.
  package var parameterNames: [String: String] { fileNames }

  /// The network's tensors in the file, with their names without the prefix of a wrapper.
  package var namedTensors: [(name: String, tensor: TensorView)] {
    let ignored = Set(ignoredNames)
    return tensors.set.tensors.filter { !ignored.contains($0.name) }
      .map { (tensors.set.name(of: $0), $0) }
  }

  /// The name that the file uses for a parameter, without the prefix of a wrapper.
  package func fileName(of parameter: Parameter) -> String? { fileNames[parameter.name] }

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
