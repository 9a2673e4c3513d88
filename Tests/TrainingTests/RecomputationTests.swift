import GraphIR
import Host
import Inference
import Operators
import TestSupport
import Testing
import Training

/// `--recompute` trades time for memory and changes no bit.
struct RecomputationTests {
  private static func session(
    _ network: TinyNetwork, _ precision: Precision, _ batchNorm: TrainingConfiguration.BatchNorm,
    recomputes: Bool
  ) throws -> TrainingSession {
    let graph = network.graph {
      ($0.inputHeight, $0.inputWidth) = (64, 64)
      $0.stochasticDepth = 0.4
    }
    let store = try ParameterStore(graph, states: 0)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: 9, threads: 2)
    (options.precision, options.batchNorm) = (precision, batchNorm)
    options.recomputes = recomputes
    return try TrainingSession(graph, store, options)
  }

  /// The loss and the gradients of a second step, which finds the memory as the first left it.
  private static func step(_ session: TrainingSession) throws -> [Float] {
    let images = session.options.batch
    let gradients = session.store.gradients
    var loss = 0.0
    for step in 0..<2 {
      for image in 0..<images {
        let key = RandomKey(seed: 5)[step][image]
        session.withInput(image: image) { pixels in
          for index in pixels.indices { pixels[index] = Float(key.uniform(index)) - 0.5 }
        }
      }
      gradients.base.update(repeating: 0, count: gradients.count)
      let classes = session.graph.classCount
      loss = try session.addGradients(
        targets: (0..<images).map { image in
          (0..<classes).map { $0 == image % classes ? 1 : 0 }
        }, keys: (0..<images).map { RandomKey(seed: 6)[step][$0] }
      ).loss
    }
    return [Float(loss)] + (0..<gradients.count).map { gradients.base[$0] }
  }

  @Test(
    arguments: TinyNetwork.allCases,
    [
      (Precision.f32, TrainingConfiguration.BatchNorm.batch), (.f32, .fixed), (.bf16, .batch),
      (.bf16, .fixed),
    ])
  func sameBits(
    _ network: TinyNetwork,
    _ setting: (precision: Precision, batchNorm: TrainingConfiguration.BatchNorm)
  ) throws {
    let sessions = try [false, true].map {
      try Self.session(network, setting.precision, setting.batchNorm, recomputes: $0)
    }
    let results = try sessions.map(Self.step)
    #expect(results[0] == results[1])
    #expect(results[0].contains { $0 != 0 })
    let (kept, recomputed) = (sessions[0].memory.keptMaps, sessions[1].memory.keptMaps)
    // As bf16, an expanded map may be no larger than what it is computed from.
    #expect(recomputed < kept || setting.precision == .bf16 && recomputed == kept)
  }
}
