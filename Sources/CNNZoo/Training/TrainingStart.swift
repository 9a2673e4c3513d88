import GraphIR
import Host
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
  /// The graph of the last stage, with as many outputs as there are classes.
  let graph: Graph
  /// What the weight files say about themselves.
  let info: WeightInfo
  /// Further entries of their metadata.
  let metadata: [String: String]
  /// The name of each parameter in the weight files, by the name in the graph.
  private let fileNames: [String: String]
  /// The variant of the last stage.
  private let variant: ModelConfiguration

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
      let size = configuration.inferenceSize(ofWeights: info.preprocessing.crop)
      if size != info.preprocessing.crop {
        info.preprocessing = info.preprocessing.scaled(toCrop: size)
      }
    case .random(let model, let chosen):
      info = try WeightInfo(path: model.name, metadata: [:], model: model)
      variant = chosen
      info.preprocessing = info.preprocessing.scaled(
        toCrop: configuration.inferenceSize ?? configuration.imageSize)
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
    self.variant = variant.inTraining(configuration)
    graph = try model.graph(self.variant)
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
    variant = network.configuration.inTraining(configuration)
    graph = try model.graph(variant)
  }

  /// The graph of a stage; its parameters are those of every other stage.
  ///
  /// - Throws: `ModelError.unsupported`.
  func graph(of stage: TrainingStage) throws -> Graph {
    var variant = variant
    (variant.inputHeight, variant.inputWidth) = (stage.imageSize, stage.imageSize)
    variant.dropout = stage.dropout
    return try model.graph(variant)
  }

  /// The graph at the inference size, which drops nothing.
  ///
  /// - Throws: `ModelError.unsupported`.
  func inferenceGraph() throws -> Graph {
    var variant = variant
    let size = info.preprocessing.crop
    (variant.inputHeight, variant.inputWidth) = (size, size)
    (variant.dropout, variant.stochasticDepth) = (0, 0)
    return try model.graph(variant)
  }

  /// Writes the weights in training as an ordinary weight file, atomically.
  ///
  /// - Parameter averages: Whether to write the averages instead of the values.
  /// - Throws: `WeightsError`, `FileError`.
  func write(
    _ store: ParameterStore, averages: Bool, _ configuration: TrainingConfiguration,
    to path: String
  ) throws {
    var entries = metadata.merging(info.metadata) { $1 }
    entries["training"] = configuration.description
    try write(store, averages ? store.average : store.values, entries, to: path)
  }

  /// Writes the initial weights with the closed-form head, whose scores are for softmax.
  ///
  /// - Throws: `WeightsError`, `FileError`.
  func writeHead(_ store: ParameterStore, to path: String) throws {
    var info = info
    info.activation = .softmax
    try write(store, store.values, metadata.merging(info.metadata) { $1 }, to: path)
  }

  private func write(
    _ store: ParameterStore, _ buffer: AlignedBuffer, _ metadata: [String: String],
    to path: String
  ) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for entry in store.entries {
      let parameter = entry.parameter
      writer.append(
        name: fileName(parameter), shape: parameter.shape,
        values: Array(store.floats(entry, of: buffer)))
    }
    try writer.write(to: path)
  }

  /// The name of a parameter in the weight files.
  func fileName(_ parameter: Parameter) -> String { fileNames[parameter.name] ?? parameter.name }
}

extension ModelConfiguration {
  /// The variant of a training run's last stage.
  fileprivate func inTraining(_ configuration: TrainingConfiguration) -> ModelConfiguration {
    var variant = self
    (variant.inputHeight, variant.inputWidth) = (configuration.imageSize, configuration.imageSize)
    variant.stochasticDepth = configuration.stochasticDepth
    variant.dropout = configuration.dropout
    return variant
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
