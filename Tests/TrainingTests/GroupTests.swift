import GraphIR
import Host
import Inference
import Operators
import TestSupport
import Testing
import Training

/// Batches of every size in one session, whose maps are large enough that the cache limits the groups of
/// images that pass through a step together.
struct GroupTests {
  private static let batch = 81

  private static func session(threads: Int, folds: Bool) throws -> TrainingSession {
    let graph = TinyNetwork.efficientNetLite.graph {
      ($0.inputHeight, $0.inputWidth) = (64, 64)
      $0.stochasticDepth = 0.3
    }
    let store = try ParameterStore(graph, states: 0)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: batch, threads: threads)
    options.foldsExpansions = folds
    return try TrainingSession(graph, store, options)
  }

  /// The loss of the first `images`, and all gradients.
  private static func step(
    _ session: TrainingSession, images: Int
  ) throws -> (loss: Double, gradients: [Float]) {
    for image in 0..<images {
      let key = RandomKey(seed: 5)[image]
      session.withInput(image: image) { pixels in
        for index in pixels.indices { pixels[index] = Float(key.uniform(index)) - 0.5 }
      }
    }
    let gradients = session.store.gradients
    gradients.base.update(repeating: 0, count: gradients.count)
    let classes = session.graph.classCount
    let loss = try session.addGradients(
      targets: (0..<images).map { image in
        (0..<classes).map { $0 == image % classes ? 1 : 0 }
      }, keys: (0..<images).map { RandomKey(seed: 6)[$0] }
    ).loss
    return (loss, (0..<gradients.count).map { gradients.base[$0] })
  }

  /// Memory for groups is that of the largest batch, and smaller batches are divided otherwise.
  @Test(arguments: [false, true])
  func bitsDoNotDependOnThreadsInAnyBatch(foldingExpansions folds: Bool) throws {
    let one = try Self.session(threads: 1, folds: folds)
    let three = try Self.session(threads: 3, folds: folds)
    for images in [81, 80, 73, 64, 17, 9, 8, 2] {
      let (expected, found) = (
        try Self.step(one, images: images), try Self.step(three, images: images)
      )
      #expect(expected.loss == found.loss, "\(images) images")
      #expect(expected.gradients == found.gradients, "\(images) images")
      #expect(expected.gradients.contains { $0 != 0 })
    }
  }
}
