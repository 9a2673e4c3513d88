import GraphIR
import Host
import Inference
import InstructionSets
import Operators
import TestSupport
import Testing
import Training

/// Training as a whole: gradients, optimiser and batch norm learn one batch by heart.
struct OverfittingTests {
  private static let batch = 6

  /// A session without anything random, and the targets of its batch.
  private static func session(
    _ network: TinyNetwork, batchNorm: TrainingConfiguration.BatchNorm = .batch,
    frozenStages: Int = 0
  ) throws -> (TrainingSession, targets: [[Float]]) {
    let graph = network.graph {
      $0.stochasticDepth = 0
      $0.dropout = 0
    }
    let optimizer = Optimizer.adamW()
    let store = try ParameterStore(
      graph, states: optimizer.initialStates.count, frozenStages: frozenStages)
    try store.load(InitialParameters(graph, seed: 3))
    var options = TrainingSession.Options(batch: batch, threads: 2)
    options.batchNorm = batchNorm
    options.frozenStages = frozenStages
    let session = try TrainingSession(graph, store, options)
    let targets = (0..<batch).map { image in
      (0..<graph.classCount).map { $0 == image % graph.classCount ? Float(1) : 0 }
    }
    return (session, targets)
  }

  private static func losses(
    _ session: TrainingSession, _ targets: [[Float]], images: [[Float]], steps: Int
  ) throws -> [Double] {
    let update = OptimizerStep(
      session.store, optimizer: .adamW(), weightDecay: 0, average: WeightAverage(limit: 0.9),
      kernels: try InstructionSet.selected().kernels)
    update.resetStates()
    return try (0..<steps).map { step in
      for (index, image) in images.enumerated() {
        session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
      }
      let keys = targets.indices.map { RandomKey(seed: 0)[$0] }
      let result = try session.addGradients(targets: targets, keys: keys)
      try update.update(after: step, learningRate: 1e-2, on: session.workers)
      return result.loss
    }
  }

  @Test(arguments: TinyNetwork.allCases)
  func oneBatchIsLearnt(_ network: TinyNetwork) throws {
    let (session, targets) = try Self.session(network)
    let losses = try Self.losses(session, targets, images: network.images(6), steps: 150)
    #expect(losses[0] > 1)
    #expect(losses.contains { $0 < 1e-3 }, "the lowest loss is \(losses.min() ?? .nan)")
  }

  /// With fixed statistics, running statistics keep every bit while γ and β are trained.
  @Test(arguments: TinyNetwork.allCases)
  func fixedStatisticsStay(_ network: TinyNetwork) throws {
    let (session, targets) = try Self.session(network, batchNorm: .fixed)
    let store = session.store
    let before = store.entries.map { Array(store.floats($0, of: store.values)) }
    let losses = try Self.losses(session, targets, images: network.images(6), steps: 30)
    #expect(losses[29] < losses[0])
    for (entry, values) in zip(store.entries, before) {
      let isSame = Array(store.floats(entry, of: store.values)) == values
      #expect(isSame != entry.isTrainable, "\(entry.parameter.name)")
    }
  }

  /// With momenta 1, 1/2 and 1/3, the running statistics become the mean over three batches, whatever
  /// they were before, and nothing else changes.
  @Test(arguments: TinyNetwork.allCases)
  func statisticsBecomeMeans(_ network: TinyNetwork) throws {
    let (session, _) = try Self.session(network)
    let store = session.store
    let images = network.images(12)
    let statistics = store.entries.filter {
      [.runningMean, .runningVariance].contains($0.parameter.role)
    }
    func values() -> [Float] { statistics.flatMap { store.floats($0, of: store.values) } }
    func others() -> [Float] {
      store.entries.filter { entry in !statistics.contains { $0.offset == entry.offset } }
        .flatMap { store.floats($0, of: store.values) }
    }
    func update(_ batch: Range<Int>, momentum: Double) {
      for (place, image) in images[batch].enumerated() {
        session.withInput(image: place) { _ = $0.update(fromContentsOf: image) }
      }
      session.updateStatistics(images: batch.count, momentum: momentum)
    }
    let before = others()
    let batches = [0..<4, 4..<8, 8..<12]
    let each = batches.map { batch in
      update(batch, momentum: 1)
      return values()
    }
    for (number, batch) in batches.enumerated() { update(batch, momentum: 1 / Double(number + 1)) }
    for (index, value) in values().enumerated() {
      let mean = each.reduce(0) { $0 + $1[index] } / 3
      let scale = each.map { abs($0[index]) }.max() ?? 0
      #expect(abs(value - mean) <= 1e-5 * scale)
    }
    #expect(each[0] != each[1] && others() == before)
  }

  /// Frozen stages keep every bit, and the rest still learns.
  @Test(arguments: TinyNetwork.allCases)
  func frozenStagesStay(_ network: TinyNetwork) throws {
    let (session, targets) = try Self.session(network, frozenStages: 1)
    let store = session.store
    let before = store.entries.map { Array(store.floats($0, of: store.values)) }
    let losses = try Self.losses(session, targets, images: network.images(6), steps: 20)
    #expect(losses[19] < losses[0])
    var frozen = 0
    for (entry, values) in zip(store.entries, before) {
      let node = session.graph.nodes[entry.node]
      let isFrozen = node.role == .stem || node.stage == 0
      frozen += isFrozen ? 1 : 0
      #expect(
        (Array(store.floats(entry, of: store.values)) == values) == isFrozen,
        "\(entry.parameter.name)")
    }
    #expect(frozen > 5)
  }

  /// Two batches in a row add up.
  @Test func gradientsAccumulate() throws {
    let network = TinyNetwork.mobileNetV3
    let (session, targets) = try Self.session(network)
    let images = network.images(6)
    func add() throws {
      for (index, image) in images.enumerated() {
        session.withInput(image: index) { _ = $0.update(fromContentsOf: image) }
      }
      _ = try session.addGradients(
        targets: targets, keys: targets.indices.map { RandomKey(seed: 0)[$0] })
    }
    let store = session.store
    func gradients() -> [Float] {
      Array(UnsafeBufferPointer(start: store.gradients.base, count: store.count))
    }
    try add()
    let once = gradients()
    try add()
    for (one, two) in zip(once, gradients()) {
      #expect(abs(2 * one - two) <= 1e-6 * abs(two) + 1e-8)
    }
    #expect(once.contains { $0 != 0 })
  }
}
