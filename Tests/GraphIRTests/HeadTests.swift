import GraphIR
import Testing

struct HeadTests {
  private static let image = TensorShape(height: 4, width: 4, channels: 3)

  @Test func poolAndClassifierMakeAHead() throws {
    var builder = GraphBuilder(name: "plain")
    let input = builder.input(Self.image)
    let features = builder.activation(input, "act", .silu)
    let pooled = builder.globalAveragePool(features, "pool")
    let logits = builder.linear(pooled, "fc", outputs: 2)
    let head = try #require(builder.graph(output: logits).head)
    #expect(head.features.id == features.id && head.pooled.id == pooled.id)
    #expect(head.classifier.id == logits.id && head.hidden == nil)
    #expect(head.classifierInput == pooled.id)
  }

  @Test func withoutAClassifierThereIsNoHead() {
    var builder = GraphBuilder(name: "bare")
    let input = builder.input(Self.image)
    let pooled = builder.globalAveragePool(input, "pool")
    #expect(builder.graph(output: pooled).head == nil)
  }
}
