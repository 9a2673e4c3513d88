import CNNZoo

/// A network to be measured, with weights from a file or random ones.
struct BenchNetwork {
  let model: Model
  private let graph: Graph
  private let loaded: LoadedNetwork?

  init(
    _ model: Model, weights: String?, configure: (inout ModelConfiguration) -> Void
  ) throws {
    self.model = model
    if let weights {
      let network = try LoadedNetwork(
        model, file: WeightFile(path: weights), configure: configure)
      loaded = network
      graph = network.graph
    } else {
      var configuration = model.defaultConfiguration
      configure(&configuration)
      loaded = nil
      graph = try model.graph(configuration)
    }
  }

  func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    if let loaded { return try loaded.session(options) }
    return try InferenceSession(graph: graph, parameters: SeededParameters(), options: options)
  }

  /// What a measurement under these options is a measurement of; packs nothing.
  func key(_ options: InferenceSession.Options) throws -> BenchKey {
    BenchKey(
      model: model.name,
      input: [graph.inputShape.height, graph.inputShape.width, graph.inputShape.channels],
      macs: graph.macs,
      backend: try ExecutionPlan(of: graph, options: options).backend.rawValue,
      threads: options.threads, batch: options.maximumBatch)
  }
}
