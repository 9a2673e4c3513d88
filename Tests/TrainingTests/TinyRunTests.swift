import Foundation
import GraphIR
import Host
import Inference
import InstructionSets
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
    batchNorm: TrainingConfiguration.BatchNorm = .batch, frozenStages: Int = 0
  ) throws -> TrainingSession {
    let graph = network.graph(network == .efficientNetLite ? .same : .symmetric) {
      $0.stochasticDepth = 0.2
      $0.dropout = 0.2
    }
    let store = try ParameterStore(
      graph, states: optimizer.initialStates.count, frozenStages: frozenStages)
    try store.load(SeededParameters())
    var options = TrainingSession.Options(batch: batch, threads: 2)
    (options.loss, options.batchNorm, options.frozenStages) = (loss, batchNorm, frozenStages)
    return try TrainingSession(graph, store, options)
  }

  /// One backward pass; the share `mixed` of each target belongs to the next class.
  ///
  /// - Parameter first: The batch's first image.
  private static func addGradients(
    _ session: TrainingSession, _ network: TinyNetwork, seed: UInt64, mixed: Float = 0,
    first: Int = 0
  ) throws -> Double {
    for (index, image) in network.images(first + batch)[first...].enumerated() {
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
    let tensor = try #require(golden[network.rawValue])
    let floats = try tensor.floats()
    let columns = tensor.shape.dropFirst().reduce(1, *)
    let entries = store.entries.sorted { $0.parameter.name < $1.parameter.name }
    #expect(floats.count == entries.count * columns)
    for (index, entry) in entries.enumerated() {
      let name = entry.parameter.name
      let expected = floats[(index * columns + 2 * row)...].prefix(2).map(Double.init)
      let buffer = gradients && entry.isTrainable ? store.gradients : store.values
      let found = store.floats(entry, of: buffer).map(Double.init)
      let norm = found.reduce(0) { $0 + $1 * $1 }.squareRoot()
      let projection = found.enumerated().reduce(0) {
        $0 + $1.element * Double($1.offset * 37 % 101 - 50) / 50
      }
      // Gradients that a batch norm cancels are zero but for rounding.
      let scale = expected[0] < 1e-12 ? 1e-2 : expected[0]
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

  /// The gradients of soft labels, in the order of the recorded rows; what is not trained stays or, as
  /// batch norm's statistics, moves as PyTorch's does.
  enum Gradients: Int, CaseIterable {
    case fixedStatistics, sigmoid, frozenStages, twoBatches
  }

  @Test(arguments: TinyNetwork.allCases, Gradients.allCases)
  func gradientsMatchPyTorch(_ network: TinyNetwork, _ kind: Gradients) throws {
    let loss = ClassificationLoss(kind == .sigmoid ? .sigmoid : .softmax, labelSmoothing: 0)
    let session = try Self.session(
      network, .sgd(), loss, batchNorm: kind == .fixedStatistics ? .fixed : .batch,
      frozenStages: kind == .frozenStages ? 1 : 0)
    let golden = try WeightFile(path: Self.url("runs.safetensors").path)
    let losses = try #require(golden["\(network.rawValue) losses"]).floats()[kind.rawValue...]
    for (index, expected) in losses.prefix(kind == .twoBatches ? 2 : 1).enumerated() {
      let loss = try Self.addGradients(
        session, network, seed: UInt64(1 + index), mixed: 0.25, first: index * Self.batch)
      #expect(abs(loss - Double(expected)) < 1e-5 * loss)
    }
    try Self.expectRow(
      3 + kind.rawValue, of: network, session.store, gradients: true, tolerance: 1e-3)
  }

  /// The average of batch norm's statistics follows them, as that of the weights does.
  @Test func averagesOfStatistics() throws {
    let network = TinyNetwork.efficientNetV2
    let session = try Self.session(
      network, .sgd(), ClassificationLoss(.softmax, labelSmoothing: 0))
    let store = session.store
    let statistics = store.entries.filter { !$0.parameter.isTrainable }
    let average = WeightAverage(limit: 0.15)
    let update = OptimizerStep(
      store, optimizer: .sgd(), weightDecay: 0, average: average,
      kernels: try InstructionSet.selected().kernels)
    update.resetStates()
    func values(_ buffer: AlignedBuffer) -> [Double] {
      statistics.flatMap { store.floats($0, of: buffer).map(Double.init) }
    }
    let before = values(store.values)
    var expected = before
    for step in 0..<2 {
      _ = try Self.addGradients(session, network, seed: UInt64(step))
      try update.update(after: step, learningRate: 0.02, on: session.workers)
      let decay = average.decay(after: step)
      expected = zip(expected, values(store.values)).map { decay * $0 + (1 - decay) * $1 }
    }
    let found = values(store.average)
    let errors = zip(found, expected).map { abs($0 - $1) / max(1, abs($1)) }
    #expect(try #require(errors.max()) < 1e-6)
    // Neither where they began nor what they follow.
    for other in [before, values(store.values)] {
      #expect(zip(found, other).count { abs($0 - $1) > 1e-4 } > found.count / 2)
    }
  }

  /// 50 steps stay as close to PyTorch in double precision as PyTorch's own runs do, times a margin.
  ///
  /// At higher learning rates, rounding soon decides on which side of a kink an activation falls, in
  /// PyTorch as well.
  @Test(arguments: zip(TinyNetwork.allCases, [0.02, 0.01, 0.005]))
  func curveMatchesPyTorch(_ network: TinyNetwork, rate: Double) throws {
    let factors = try Self.curveFactors(network, rate: rate)
    #expect(factors.count == 50)
    #expect(try #require(factors.max()) < 10, "\(factors)")
  }

  /// A learning rate that is wrong by 0.1 % is noticed.
  @Test(arguments: zip(TinyNetwork.allCases, [0.02, 0.01, 0.005]))
  func otherCurveIsRefused(_ network: TinyNetwork, rate: Double) throws {
    let factors = try Self.curveFactors(network, rate: 1.001 * rate)
    #expect(try #require(factors.max()) > 20)
  }

  /// The distance from PyTorch's curve at each step, in units of PyTorch's spread, which is at least a
  /// rounding of f32.
  private static func curveFactors(_ network: TinyNetwork, rate: Double) throws -> [Double] {
    let lines = try String(contentsOf: url("curves.txt"), encoding: .utf8).split(separator: "\n")
    func row(_ kind: String) throws -> [Double] {
      let line = try #require(lines.first { $0.hasPrefix("\(network.rawValue) \(kind) ") })
      return line.split(separator: " ").dropFirst(2).compactMap { Double($0) }
    }
    let (exact, spread) = (try row("losses"), try row("spread"))
    let session = try session(
      network, .sgd(), ClassificationLoss(.softmax, labelSmoothing: 0.1))
    let found = try losses(session, network, .sgd(), rate: rate, steps: exact.count)
    return zip(found, zip(exact, spread)).map { found, golden in
      abs(found / golden.0 - 1) / max(golden.1, 0x1p-24)
    }
  }
}
