import GraphIR
import Host
import Inference
import ModelZoo
import Operators
import TestSupport
import Testing
import Training

/// Expansions folded into one step with batch norm and the depthwise convolution after them: the same
/// gradients from less memory.
struct FoldedExpansionTests {
  private static let batch = 6

  private static func session(
    _ network: TinyNetwork, folds: Bool?, frozenStages: Int = 0, bias: Float? = nil
  ) throws -> TrainingSession {
    let graph = network.graph {
      ($0.inputHeight, $0.inputWidth) = (64, 48)
      $0.stochasticDepth = 0.4
    }
    let store = try ParameterStore(graph, states: 0, frozenStages: frozenStages)
    try store.load(SeededParameters())
    if let bias {
      // Of the projections, which no activation limits.
      for entry in store.entries where entry.parameter.name.hasSuffix("block.2.1.bias") {
        for index in entry.range { store.values.base[index] += bias }
      }
    }
    var options = TrainingSession.Options(batch: batch, threads: 2)
    (options.foldsExpansions, options.frozenStages) = (folds, frozenStages)
    return try TrainingSession(graph, store, options)
  }

  /// The gradients and batch norm's statistics of each parameter after two steps, and the loss.
  private static func step(
    _ session: TrainingSession
  ) throws -> (loss: Double, values: [String: [Float]]) {
    var loss = 0.0
    let store = session.store
    for step in 0..<2 {
      for image in 0..<batch {
        let key = RandomKey(seed: 5)[step][image]
        session.withInput(image: image) { pixels in
          for index in pixels.indices { pixels[index] = Float(key.normal(index)) }
        }
      }
      store.gradients.base.update(repeating: 0, count: store.gradients.count)
      let classes = session.graph.classCount
      loss = try session.addGradients(
        targets: (0..<batch).map { image in
          (0..<classes).map { $0 == image % classes ? 1 : 0 }
        }, keys: (0..<batch).map { RandomKey(seed: 6)[step][$0] }
      ).loss
    }
    let values = store.entries.map { entry in
      (
        entry.parameter.name,
        Array(store.floats(entry, of: entry.isTrainable ? store.gradients : store.values))
      )
    }
    return (loss, Dictionary(uniqueKeysWithValues: values))
  }

  /// The largest difference of any parameter, relative to its largest value.
  private static func compare(
    _ first: TrainingSession, _ second: TrainingSession, within tolerance: Float
  ) throws {
    let (expected, found) = (try step(first), try step(second))
    #expect(abs(found.loss - expected.loss) < Double(tolerance) * expected.loss)
    for (name, values) in expected.values {
      let others = try #require(found.values[name])
      let largest = max(1e-3, values.map(\.magnitude).max() ?? 0)
      let difference = zip(values, others).map { abs($0 - $1) }.max() ?? 0
      #expect(difference <= tolerance * largest, "\(name): \(difference) of \(largest)")
    }
  }

  private static func folded(_ session: TrainingSession) -> [TrainingLayer] {
    session.layers.filter { $0.strategy.hasPrefix("expand") }
  }

  @Test(arguments: TinyNetwork.allCases)
  func sameGradients(_ network: TinyNetwork) throws {
    let apart = try Self.session(network, folds: false)
    let folded = try Self.session(network, folds: true)
    #expect(Self.folded(apart).isEmpty && !Self.folded(folded).isEmpty)
    #expect(folded.memory.keptMaps < apart.memory.keptMaps)
    #expect(folded.memory.lean == apart.memory.lean)
    let macs = [apart, folded].map { $0.layers.reduce(0) { $0 + $1.forward.macs } }
    #expect(macs[0] == macs[1])
    try Self.compare(apart, folded, within: 2e-4)
  }

  /// Sums are formed around the means, so means far from zero cost little more than they do apart.
  @Test func largeMeans() throws {
    try Self.compare(
      try Self.session(.efficientNetLite, folds: false, bias: 30),
      try Self.session(.efficientNetLite, folds: true, bias: 30), within: 5e-3)
  }

  /// The first trained layer may be an expansion, whose input needs no gradient.
  @Test(arguments: [1, 2])
  func belowFrozenStages(_ stages: Int) throws {
    let folded = try Self.session(.efficientNetLite, folds: true, frozenStages: stages)
    #expect(!Self.folded(folded).isEmpty)
    try Self.compare(
      try Self.session(.efficientNetLite, folds: false, frozenStages: stages), folded,
      within: 2e-4)
  }

  /// In bf16, folding rounds no more than computing the layers one by one does, and `--recompute` changes
  /// no bit.
  @Test func rounding() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    var configuration = model.defaultConfiguration
    (configuration.inputHeight, configuration.inputWidth) = (64, 64)
    (configuration.classes, configuration.stochasticDepth) = (6, 0)
    let graph = try model.graph(configuration)
    func gradients(_ precision: Precision, folds: Bool, recomputes: Bool = false) throws -> [Float]
    {
      let store = try ParameterStore(graph, states: 0)
      try store.load(InitialParameters(graph, seed: 1))
      var options = TrainingSession.Options(batch: 6, threads: 2)
      (options.precision, options.foldsExpansions) = (precision, folds)
      options.recomputes = recomputes
      let session = try TrainingSession(graph, store, options)
      #expect(Self.folded(session).isEmpty != folds)
      _ = try Self.step(session)
      return (0..<store.count).map { store.gradients.base[$0] }
    }
    let exact = try gradients(.f32, folds: false)
    func deviation(_ found: [Float]) -> Double {
      func norm(_ values: [Float]) -> Double {
        values.reduce(0) { $0 + Double($1 * $1) }.squareRoot()
      }
      return norm(zip(found, exact).map { $0 - $1 }) / norm(exact)
    }
    let rounded = try gradients(.bf16, folds: true)
    let (apart, folded) = (deviation(try gradients(.bf16, folds: false)), deviation(rounded))
    #expect(folded > 0 && folded < 1.2 * apart, "\(folded), one by one \(apart)")
    #expect(try gradients(.bf16, folds: true, recomputes: true) == rounded)
  }

  /// A block may leave out every image of a batch.
  @Test func noImages() throws {
    let graph = TinyNetwork.efficientNetLite.graph {
      ($0.inputHeight, $0.inputWidth) = (32, 32)
      $0.stochasticDepth = 0.999
    }
    func loss(folds: Bool) throws -> Double {
      let store = try ParameterStore(graph, states: 0)
      try store.load(SeededParameters())
      var options = TrainingSession.Options(batch: Self.batch, threads: 2)
      options.foldsExpansions = folds
      let session = try TrainingSession(graph, store, options)
      let loss = try Self.step(session).loss
      let gradients = (0..<store.count).map { store.gradients.base[$0] }
      #expect(gradients.allSatisfy(\.isFinite) && gradients.contains { $0 != 0 })
      return loss
    }
    let (apart, folded) = (try loss(folds: false), try loss(folds: true))
    #expect(abs(apart - folded) < 1e-4 * apart)
  }

  /// Large maps with few inputs are folded unless the caller decides otherwise.
  @Test func foldsWhereItPays() throws {
    let model = try ModelCatalog.model(named: "effnet-lite0")
    func blocks(_ precision: Precision) throws -> [Int?] {
      let graph = try model.graph(model.defaultConfiguration)
      var options = TrainingSession.Options(batch: 1, threads: 1)
      options.precision = precision
      let session = try TrainingSession(graph, try ParameterStore(graph, states: 0), options)
      return Self.folded(session).map(\.block?.number)
    }
    #expect(try blocks(.f32) == [1, 2, 3, 4, 5, 6, 7, 8])
    #expect(try blocks(.bf16) == [1, 2, 3, 4, 5])
  }
}
