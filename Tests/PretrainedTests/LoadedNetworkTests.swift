import GraphIR
import ModelZoo
import Pretrained
import Synchronization
import Testing
import TestSupport
import Weights

struct LoadedNetworkTests {
  /// The model of a small network, counting how often its graph is built.
  private final class CountedModel: Sendable {
    private let builds = Mutex(0)

    var count: Int { builds.withLock { $0 } }

    func model() -> Model {
      let model = SmallNetwork.model
      return Model(
        model.name, family: model.family, evaluationSize: model.evaluationSize,
        implementations: model.implementations, published: model.published
      ) { configuration in
        self.builds.withLock { $0 += 1 }
        guard let graph = try? model.graph(configuration) else {
          preconditionFailure("the configuration was checked")
        }
        return graph
      }
    }
  }

  @Test func openingAFileBuildsTheGraphOnce() throws {
    let folder = try TemporaryFolder()
    let path = "\(folder.path)/weights.safetensors"
    try SmallNetwork.write(to: path)
    let counted = CountedModel()
    let network = try LoadedNetwork(counted.model(), weights: path)
    #expect(counted.count == 1)
    #expect(network.configuration.classes == SmallNetwork.classes)
    #expect(network.info.widthMultiplier == 0.25)
  }

  /// The class count is read before there is a graph, so the name must not need one.
  @Test(arguments: ModelCatalog.models.map(\.name), ParameterNaming.allCases)
  func classifierNamesMatchTheGraph(name: String, naming: ParameterNaming) throws {
    let model = try ModelCatalog.model(named: name)
    let graph = try model.graph()
    let bias = try #require(graph.nodes[graph.output].parameters.first { $0.role == .bias })
    let expected = model.fileNames(of: graph, in: naming)[bias.name]
    #expect(model.classifierName(in: naming) + ".bias" == expected)
  }

  /// Wrappers around a network prefix every name.
  @Test(arguments: ["", "module.", "module.model."])
  func wrapperPrefixesAreIgnored(prefix: String) throws {
    let folder = try TemporaryFolder()
    let plain = "\(folder.path)/plain.safetensors"
    let path = "\(folder.path)/wrapped.safetensors"
    try SmallNetwork.write(to: plain)
    let file = try WeightFile(path: plain)
    var writer = SafetensorsWriter(metadata: file.metadata)
    for tensor in file.tensors { writer.append(tensor, name: prefix + tensor.name) }
    try writer.write(to: path)
    let network = try LoadedNetwork(SmallNetwork.model, weights: path)
    #expect(network.configuration.classes == SmallNetwork.classes)
    #expect(network.tensors.set.prefix == prefix)
    #expect(network.namedTensors.map(\.name) == file.names)
  }
}
