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

  @Test func otherEndsAreNotHeads() {
    var builder = GraphBuilder(name: "bare")
    let input = builder.input(TensorShape(height: 4, width: 4, channels: 3))
    let pooled = builder.globalAveragePool(input, "pool")
    #expect(builder.graph(output: pooled).head == nil)
  }

  /// (f(x + h) − f(x − h)) / 2h, away from the kinks.
  @Test(arguments: Activation.allCases)
  func derivatives(activation: Activation) {
    for x in stride(from: -7.03, to: 8, by: 0.371) {
      let step = 1e-5
      let slope =
        (activation.value(at: x + step) - activation.value(at: x - step)) / (2 * step)
      #expect(abs(activation.derivative(at: x) - slope) < 1e-8, "at \(x)")
    }
  }
}

extension NetworkHead {
  fileprivate func expectedActivation(in family: Model.Family) -> String {
    family == .efficientNetLite ? "ReLU6" : "SiLU"
  }
}
