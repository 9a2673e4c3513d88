import Foundation
import GraphIR
import Host
import Inference
import Operators
import TestSupport
import Testing
import Training
import Weights

/// Whole training runs of a small member of each family, against PyTorch
/// (Scripts/goldens/record_curves.py).
struct TinyRunTests {
  private static let batch = 6
  /// In the order of the recorded rows, with learning rates.
  private static let optimizers: [(Optimizer, rate: Double)] = [
    (.sgd(), 0.02), (.rmsProp(), 0.005), (.adamW(epsilon: 1e-3), 0.005),
  ]

  private static func session(
    _ network: TinyNetwork, _ optimizer: Optimizer, _ loss: ClassificationLoss,
    batchNorm: TrainingConfiguration.BatchNorm = .batch
  ) throws -> TrainingSession {
    let graph = network.graph(network == .efficientNetLite ? .same : .symmetric) {
      $0.stochasticDepth = 0.2
      $0.dropout = 0.2
    }
    let store = try ParameterStore(graph, states: optimizer.initialStates.count)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: batch, threads: 2)
    (options.loss, options.batchNorm) = (loss, batchNorm)
    return try TrainingSession(graph, store, options)
  }

  /// One backward pass; the share `mixed` of each target belongs to the next class.
  private static func addGradients(
    _ session: TrainingSession, _ network: TinyNetwork, seed: UInt64, mixed: Float = 0
  ) throws -> Double {
    for (index, image) in network.images(batch).enumerated() {
      session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    let classes = session.graph.classCount
    let targets = (0..<batch).map { image in
      (0..<classes).map { index -> Float in
        if index == image % classes { return 1 - mixed }
        return index == (image + 1) % classes ? mixed : 0
      }
    }
    return try session.addGradients(
      targets: targets, keys: (0..<batch).map { RandomKey(seed: seed)[$0] }
    ).loss
  }

  /// The losses of some updates.
  private static func losses(
    _ session: TrainingSession, _ network: TinyNetwork, _ optimizer: Optimizer, rate: Double,
    steps: Int
  ) throws -> [Double] {
    let update = OptimizerStep(
      session.store, optimizer: optimizer, weightDecay: 0.01,
      kernels: try InstructionSet.selected().kernels)
    update.resetStates()
    return try (0..<steps).map { step in
      let loss = try addGradients(session, network, seed: UInt64(step))
      try update.update(after: step, learningRate: rate, on: session.workers)
      return loss
    }
  }

  private static func url(_ name: String) -> URL {
    URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens/\(name)")
  }

  /// Compares norm and projection of every tensor with those of a recorded row.
  private static func expectRow(
    _ row: Int, of network: TinyNetwork, _ store: ParameterStore, gradients: Bool,
    tolerance: Double
  ) throws {
    let golden = try WeightFile(path: url("runs.safetensors").path)
    for entry in store.entries {
      let name = "\(network.rawValue) \(entry.parameter.name)"
      let expected = try #require(golden[name]).floats()[(2 * row)..<(2 * row + 2)].map(Double.init)
      let buffer = gradients && entry.isTrainable ? store.gradients : store.values
      let floats = store.floats(entry, of: buffer).map(Double.init)
      let norm = floats.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let projection = floats.enumerated().reduce(0) {
        $0 + $1.element * Double($1.offset * 37 % 101 - 50) / 50
      }
      // Gradients that a batch norm cancels are zero but for rounding.
      let scale = max(expected[0], 1e-2)
      let error = max(abs(norm - expected[0]), abs(projection - expected[1])) / scale
      #expect(error < tolerance, "\(name): \(error)")
    }
  }

  @Test(arguments: TinyNetwork.allCases, [0, 1, 2])
  func threeUpdatesMatchPyTorch(_ network: TinyNetwork, _ row: Int) throws {
    let (optimizer, rate) = Self.optimizers[row]
    let session = try Self.session(
      network, optimizer, ClassificationLoss(.softmax, labelSmoothing: 0.1))
    _ = try Self.losses(session, network, optimizer, rate: rate, steps: 3)
    try Self.expectRow(row, of: network, session.store, gradients: false, tolerance: 1e-3)
  }

  /// With fixed statistics and soft labels; the statistics stay.
  @Test(arguments: TinyNetwork.allCases)
  func fixedStatisticsMatchPyTorch(_ network: TinyNetwork) throws {
    let session = try Self.session(
      network, .sgd(), ClassificationLoss(.softmax, labelSmoothing: 0), batchNorm: .fixed)
    let loss = try Self.addGradients(session, network, seed: 1, mixed: 0.25)
    let golden = try WeightFile(path: Self.url("runs.safetensors").path)
    let expected = try #require(golden["\(network.rawValue) losses"]).floats()[0]
    #expect(abs(loss - Double(expected)) < 1e-5 * loss)
    try Self.expectRow(3, of: network, session.store, gradients: true, tolerance: 1e-3)
  }

  @Test(arguments: TinyNetwork.allCases)
  func sigmoidMatchesPyTorch(_ network: TinyNetwork) throws {
    let session = try Self.session(
      network, .sgd(), ClassificationLoss(.sigmoid, labelSmoothing: 0))
    let loss = try Self.addGradients(session, network, seed: 1, mixed: 0.25)
    let golden = try WeightFile(path: Self.url("runs.safetensors").path)
    let expected = try #require(golden["\(network.rawValue) losses"]).floats()[1]
    #expect(abs(loss - Double(expected)) < 1e-5 * loss)
    try Self.expectRow(4, of: network, session.store, gradients: true, tolerance: 1e-3)
  }

  /// 50 steps stay as close to PyTorch in double as PyTorch's own f32 does, times a margin.
  ///
  /// MobileNetV3 is not among them: from step 27 on, rounding decides on which side of a kink an
  /// activation falls. It then leaves the curve by 1.2e-3, as do 9 of 30 runs of PyTorch in f64 whose
  /// first weights are moved by one rounding.
  @Test(arguments: [TinyNetwork.efficientNetV2, .efficientNetLite])
  func curveMatchesPyTorch(_ network: TinyNetwork) throws {
    let lines = try String(contentsOf: Self.url("curves.txt"), encoding: .utf8).split(
      separator: "\n")
    func curve(_ kind: String) throws -> [Double] {
      let line = try #require(lines.first { $0.hasPrefix("\(network.rawValue) \(kind) ") })
      return line.split(separator: " ").dropFirst(2).compactMap { Double($0) }
    }
    let exact = try curve("f64")
    func distance(_ other: [Double]) -> Double {
      zip(other, exact).map { abs($0 - $1) / $1 }.max() ?? .infinity
    }
    let session = try Self.session(
      network, .sgd(), ClassificationLoss(.softmax, labelSmoothing: 0.1))
    let found = try Self.losses(session, network, .sgd(), rate: 0.02, steps: exact.count)
    let yardstick = max(distance(try curve("f32-1")), distance(try curve("f32-2")))
    #expect(
      distance(found) < max(10 * yardstick, 1e-5),
      "\(distance(found)), PyTorch in f32 \(yardstick)")
  }
}
