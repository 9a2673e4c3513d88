import GraphIR
import Inference
import ModelZoo
import Operators
import Pretrained
import Training
import Weights

/// What training begins with: weights of a network, or a network with random parameters.
public enum TrainingStart: Sendable {
  /// These weights, with a new classifier fitted in closed form.
  case weights(LoadedNetwork)
  /// Random parameters, by the papers' rule.
  case random(Model, configuration: ModelConfiguration)

  /// The network.
  public var model: Model {
    switch self {
    case .weights(let network): network.model
    case .random(let model, _): model
    }
  }

  /// Checks that the network can be built and trained, before any image is read.
  ///
  /// - Throws: `ModelError.unsupported`, `TrainingConfigurationError`.
  func validate(_ configuration: TrainingConfiguration) throws {
    var variant =
      switch self {
      case .weights(let network): network.configuration
      case .random(_, let chosen): chosen
      }
    (variant.inputHeight, variant.inputWidth) = (configuration.imageSize, configuration.imageSize)
    try configuration.validate(for: model.graph(variant))
  }
}

/// The description of the network in training, and of the weight files that it gives.
struct TrainedNetwork {
  let model: Model
  /// The graph at the training size, with as many outputs as there are classes.
  let graph: Graph
  /// What the weight files say about themselves.
  let info: WeightInfo
  /// Further entries of their metadata.
  let metadata: [String: String]
  /// The name of each parameter in the weight files, by the name in the graph.
  let fileNames: [String: String]

  /// A network for the labels' classes.
  ///
  /// - Throws: `ModelError.unsupported`, `PretrainedError`, `TrainingConfigurationError`.
  init(
    _ start: TrainingStart, labels: Labels, images: Int, _ configuration: TrainingConfiguration
  ) throws {
    model = start.model
    var info: WeightInfo
    var variant: ModelConfiguration
    let count = "\(images) images of \(labels.count) classes"
    switch start {
    case .weights(let network):
      info = network.info
      variant = network.configuration
      metadata = network.file.metadata
      info.source = "trained on \(count), from " + (info.source ?? network.file.path.lastComponent)
    case .random(let model, let chosen):
      info = try WeightInfo(path: model.name, metadata: [:], model: model)
      variant = chosen
      info.preprocessing = info.preprocessing.scaled(toCrop: configuration.imageSize)
      (info.padding, info.epsilon) = (chosen.padding, chosen.epsilon)
      (info.widthMultiplier, info.reducedTail) = (chosen.widthMultiplier, chosen.reducedTail)
      (info.source, info.license) = ("trained on \(count), from random parameters", nil)
      metadata = [:]
    }
    info.labels = labels
    info.classes = labels.count
    info.activation = configuration.loss == .sigmoid ? .sigmoid : .softmax
    info.featurePrecision = nil
    self.info = info
    variant.classes = labels.count
    (variant.inputHeight, variant.inputWidth) = (configuration.imageSize, configuration.imageSize)
    variant.stochasticDepth = configuration.stochasticDepth
    variant.dropout = configuration.dropout
    graph = try model.graph(variant)
    try configuration.validate(for: graph)
    fileNames =
      switch start {
      case .weights(let network): network.parameterNames
      case .random: [:]
      }
  }

  /// The network whose weights a run has written.
  ///
  /// - Throws: `ModelError.unsupported`.
  init(resuming network: LoadedNetwork, _ configuration: TrainingConfiguration) throws {
    model = network.model
    info = network.info
    metadata = network.file.metadata
    fileNames = network.parameterNames
    var variant = network.configuration
    (variant.inputHeight, variant.inputWidth) = (configuration.imageSize, configuration.imageSize)
    variant.stochasticDepth = configuration.stochasticDepth
    variant.dropout = configuration.dropout
    graph = try model.graph(variant)
  }

  /// Writes an ordinary weight file, atomically.
  ///
  /// - Throws: `WeightsError`, `FileError`.
  func write(
    _ store: ParameterStore, averages: Bool, _ configuration: TrainingConfiguration,
    to path: String
  ) throws {
    var entries = metadata.merging(info.metadata) { $1 }
    entries["training"] = configuration.description
    var writer = SafetensorsWriter(metadata: entries)
    for entry in store.entries {
      let parameter = entry.parameter
      let values = store.floats(entry, of: averages ? store.average : store.values)
      writer.append(
        name: fileNames[parameter.name] ?? parameter.name, shape: parameter.shape,
        values: Array(values))
    }
    try writer.write(to: path)
  }
}

/// The parameters of a network with another classifier.
struct ParametersWithHead: ParameterSource {
  let base: any ParameterSource
  /// The values of the classifier's parameters, by their names.
  let head: [String: [Float]]

  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    guard let values = head[parameter.name] else {
      return try base.withValues(of: parameter, body)
    }
    return try values.withUnsafeBufferPointer(body)
  }

  func release(_ parameter: Parameter) {
    if head[parameter.name] == nil { base.release(parameter) }
  }

  func refusal(of parameter: Parameter, because reason: String) -> InferenceError {
    base.refusal(of: parameter, because: reason)
  }
}

extension String {
  /// What follows the last slash.
  fileprivate var lastComponent: String { split(separator: "/").last.map(String.init) ?? self }
}
