import GraphIR
import ModelZoo
import Testing

struct NetworkHeadTests {
  @Test(arguments: ModelCatalog.models.map(\.name))
  func everyNetworkHasOne(name: String) throws {
    let model = try ModelCatalog.model(named: name)
    let graph = try model.graph()
    let head = try #require(graph.head)
    #expect(head.classifier.id == graph.output)
    #expect(head.features.shape.channels == head.pooled.shape.channels)
    #expect(head.features.shape.positions > 1 && head.pooled.shape.positions == 1)
    #expect((head.hidden != nil) == (model.family == .mobileNetV3))
    if model.family != .mobileNetV3 {
      #expect(head.classifierInput == head.pooled.id)
      #expect(head.features.operation.moduleName == head.expectedActivation(in: model.family))
    }
  }

  @Test(
    arguments: [
      ("effnetv2-s", 1280, nil), ("effnet-lite4", 1280, nil), ("mobilenetv3-large", 960, 1280),
      ("mobilenetv3-small", 576, 1024),
    ] as [(String, Int, Int?)])
  func widths(name: String, pooled: Int, hidden: Int?) throws {
    let graph = try ModelCatalog.model(named: name).graph()
    let head = try #require(graph.head)
    #expect(head.pooled.shape.channels == pooled)
    #expect(head.hidden.map { graph.nodes[$0.output].shape.channels } == hidden)
    #expect(graph.nodes[head.classifierInput].shape.channels == hidden ?? pooled)
  }
}

extension NetworkHead {
  fileprivate func expectedActivation(in family: Model.Family) -> String {
    family == .efficientNetLite ? "ReLU6" : "SiLU"
  }
}
