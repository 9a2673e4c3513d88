import Foundation
import GraphIR
import Host
import Inference
import TestSupport
import Testing
import Training
import Weights

/// One training step of a small member of each family, against PyTorch's gradients in double
/// precision (Scripts/goldens/record_training.py).
struct TinyGradientTests {
  private static let batch = 6

  /// The session and store of a network after the gradients of one batch.
  private static func gradients(
    of network: TinyNetwork, threads: Int = 2, labelSmoothing: Double = 0.1, folds: Bool = false,
    change: (TrainingSession) throws -> Void = { _ in }
  ) throws -> (session: TrainingSession, result: TrainingSession.Result) {
    let graph = network.graph(network == .efficientNetLite ? .same : .symmetric) {
      $0.stochasticDepth = 0.5
      $0.dropout = 0.3
    }
    let store = try ParameterStore(graph, states: 0)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: batch, threads: threads)
    options.foldsExpansions = folds
    options.loss = ClassificationLoss(.softmax, labelSmoothing: labelSmoothing)
    let session = try TrainingSession(graph, store, options)
    for (index, image) in network.images(batch).enumerated() {
      session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    try change(session)
    let targets = (0..<batch).map { image in
      (0..<graph.classCount).map { $0 == image % graph.classCount ? Float(1) : 0 }
    }
    return (
      session,
      try session.addGradients(targets: targets, keys: (0..<batch).map { RandomKey(seed: 1)[$0] })
    )
  }

  private static func golden(_ network: TinyNetwork) throws -> WeightFile {
    let folder = URL(filePath: #filePath).deletingLastPathComponent()
    return try WeightFile(
      path: folder.appending(path: "Goldens/\(network.rawValue).safetensors").path)
  }

  /// The largest difference, relative to the largest expected value.
  ///
  /// The gradient of a bias that the next batch norm removes is zero but for rounding, which is relative
  /// to 10⁻³.
  private static func error(_ found: some Collection<Float>, _ expected: [Float]) -> Float {
    let largest = expected.map(\.magnitude).max() ?? 0
    let difference = zip(found, expected).map { abs($0 - $1) }.max() ?? 0
    return difference / (largest < 1e-12 ? 1e-3 : largest)
  }

  /// The recorded results stay small.
  @Test func goldensAreSmall() throws {
    let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens")
    let files = try FileManager.default.contentsOfDirectory(
      at: folder, includingPropertiesForKeys: [.fileSizeKey])
    let bytes = try files.reduce(0) {
      try $0 + ($1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0)
    }
    #expect((100_000...200_000).contains(bytes), "\(bytes) bytes")
  }

  @Test(arguments: TinyNetwork.allCases, [false, true])
  func matchesPyTorch(_ network: TinyNetwork, foldingExpansions folds: Bool) throws {
    let (session, result) = try Self.gradients(of: network, folds: folds)
    let golden = try Self.golden(network)
    let loss = try #require(golden["loss"]).floats()[0]
    #expect(abs(result.loss - Double(loss)) < 1e-5 * Double(loss))
    for entry in session.store.entries {
      let expected = try #require(golden[entry.parameter.name]).floats()
      let buffer =
        entry.isTrainable ? session.store.gradients : session.store.values
      let error = Self.error(session.store.floats(entry, of: buffer), expected)
      #expect(error < 2e-4, "\(entry.parameter.name): \(error)")
    }
  }

  /// The tolerance is tight: without label smoothing, the gradients are far outside.
  @Test(arguments: TinyNetwork.allCases)
  func otherLossIsRefused(_ network: TinyNetwork) throws {
    let (session, _) = try Self.gradients(of: network, labelSmoothing: 0)
    let golden = try Self.golden(network)
    let wrong = try session.store.entries.filter(\.isTrainable).count { entry in
      let expected = try #require(golden[entry.parameter.name]).floats()
      return Self.error(session.store.floats(entry, of: session.store.gradients), expected) > 2e-3
    }
    #expect(wrong > session.store.entries.count / 2)
  }

  @Test(arguments: TinyNetwork.allCases, [false, true])
  func bitsDoNotDependOnThreads(_ network: TinyNetwork, foldingExpansions folds: Bool) throws {
    let all = try [1, 2, 3].map { threads in
      let (session, result) = try Self.gradients(of: network, threads: threads, folds: folds)
      let store = session.store
      let floats = [store.gradients, store.values].flatMap {
        Array(UnsafeBufferPointer(start: $0.base, count: store.count)).map(\.bitPattern)
      }
      return (floats, result.loss)
    }
    for other in all.dropFirst() {
      #expect(other.0 == all[0].0)
      #expect(other.1 == all[0].1)
    }
  }
}
