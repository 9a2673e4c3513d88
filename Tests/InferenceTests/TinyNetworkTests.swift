import GraphIR
import Inference
import TestSupport
import Testing
import Weights

/// Every stage of the small networks, so that a fault is found near its cause.
struct TinyNetworkTests {
  @Test(arguments: TinyNetwork.allCases, Padding.allCases)
  func everyStage(_ network: TinyNetwork, _ padding: Padding) throws {
    let graph = network.graph(padding)
    let golden = try Goldens.file("\(network.rawValue).\(padding)")
    let stages = golden.names.filter { $0.hasPrefix("features.") }.sorted()
    #expect(stages.count >= 5)
    // The last node of a stage's scope is its output.
    let nodes = try stages.map { stage in
      try #require(graph.nodes.last { $0.name.hasPrefix("\(stage).") }).id
    }
    for backend in Backend.allCases {
      let session = try InferenceSession(
        graph: graph, parameters: try network.parameters(for: graph),
        options: .init(threads: 2, backend: backend, retained: nodes))
      let logits = try session.logits(of: [network.image])[0]
      for (stage, node) in zip(stages, nodes) {
        let expected = try #require(golden[stage])
        let shape = graph.nodes[node].shape
        #expect(expected.shape == [shape.channels, shape.height, shape.width])
        Tolerance.expectClose(
          Layout.planes(session.output(ofNode: node), channels: shape.channels),
          try expected.floats(), within: 1e-5, "\(backend) \(stage)")
      }
      Tolerance.expectClose(
        logits, try #require(golden["logits"]).floats(), within: 1e-5, "\(backend) logits")
    }
  }

  /// The tolerance is tight: results with the other padding are far outside.
  @Test(arguments: TinyNetwork.allCases)
  func otherPaddingIsRefused(_ network: TinyNetwork) throws {
    let graph = network.graph(.symmetric)
    let session = try InferenceSession(
      graph: graph, parameters: try network.parameters(for: graph), options: .init(threads: 1))
    let logits = try session.logits(of: [network.image])[0]
    let other = try #require(Goldens.file("\(network.rawValue).same")["logits"]).floats()
    #expect(Tolerance.error(logits, other) > 1e-3)
  }

  @Test func profileHasATimeForEveryStep() throws {
    let network = TinyNetwork.mobileNetV3
    let graph = network.graph()
    let session = try InferenceSession(
      graph: graph, parameters: try network.parameters(for: graph), options: .init(threads: 2))
    let expected = try session.logits(of: [network.image])[0]
    let seconds = try session.profile()
    #expect(seconds.count == session.program.steps.count)
    #expect(seconds.allSatisfy { $0 >= 0 })
    #expect(session.logits() == expected)
  }
}
