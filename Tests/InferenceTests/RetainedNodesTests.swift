import GraphIR
import Inference
import TestSupport
import Testing

/// Retaining values changes nothing else.
struct RetainedNodesTests {
  @Test(arguments: TinyNetwork.allCases, Backend.allCases)
  func bitIdenticalWithTheSameSteps(_ network: TinyNetwork, backend: Backend) throws {
    let graph = network.graph()
    let head = try #require(graph.head)
    let nodes = [head.features.id, head.pooled.id, head.classifierInput]
    func session(_ retained: [Int], threads: Int = 1) throws -> InferenceSession {
      try InferenceSession(
        graph: graph, parameters: try network.parameters(for: graph),
        options: .init(threads: threads, backend: backend, maximumBatch: 3, retained: retained))
    }
    let plain = try session([])
    let images = [network.image, network.image.map { -$0 }, network.image.map { $0 / 2 }]
    let expected = try plain.logits(of: images)
    var seen: [[Float]]?
    for threads in [1, 2] {
      let keeping = try session(nodes, threads: threads)
      #expect(keeping.program.steps.map(\.strategy) == plain.program.steps.map(\.strategy))
      #expect(try keeping.logits(of: images) == expected)
      let values = images.indices.flatMap { image in
        nodes.map { keeping.output(ofNode: $0, image: image) }
      }
      #expect(seen == nil || seen == values)
      seen = values
      for image in images.indices {
        let features = keeping.output(ofNode: head.features.id, image: image)
        let channels = head.features.shape.channels
        let means = (0..<channels).map { channel in
          stride(from: channel, to: features.count, by: channels)
            .reduce(0) { $0 + features[$1] } / Float(head.features.shape.positions)
        }
        Tolerance.expectClose(
          keeping.output(ofNode: head.pooled.id, image: image), means, within: 1e-5, "pooled")
      }
    }
  }
}
