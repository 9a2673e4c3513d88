import GraphIR
import Host
import ModelZoo
import Training

/// Training steps on random images, to be measured.
///
/// Images, targets and parameters come from fixed seeds. The learning rate is 0, so that no step
/// diverges and all compute the same.
package final class TrainingBenchmark {
  /// The network in training.
  package let session: TrainingSession
  /// Whether the optimiser updates an average.
  package let hasAverage: Bool

  private let optimizer: OptimizerStep
  private let clock: StepClock
  private let targets: [[Float]]
  private var steps = 0

  /// The network for a configuration of the training.
  ///
  /// - Throws: `ModelError.unsupported`, `TrainingConfigurationError`.
  package static func graph(
    _ model: Model, _ variant: ModelConfiguration, _ configuration: TrainingConfiguration
  ) throws -> Graph {
    var variant = variant
    variant.stochasticDepth = configuration.stochasticDepth
    variant.dropout = configuration.dropout
    let graph = try model.graph(variant)
    try configuration.validate(for: graph)
    return graph
  }

  /// Plans and allocates.
  ///
  /// - Parameters:
  ///   - graph: See `graph(_:_:_:)`.
  ///   - recomputes: See `Trainer.Options.recomputes`.
  /// - Throws: `TrainingError.unsupported`, `ProcessorError`, `OutOfMemory`.
  package init(
    _ graph: Graph, _ configuration: TrainingConfiguration, threads: Int, recomputes: Bool
  ) throws {
    let store = try ParameterStore(graph, configuration)
    try store.load(InitialParameters(graph, seed: configuration.seed))
    session = try TrainingSession(
      graph, store,
      TrainingSession.Options(
        configuration, batch: configuration.batch, threads: threads, recomputes: recomputes))
    optimizer = try OptimizerStep(store, configuration)
    optimizer.resetStates()
    hasAverage = configuration.averageDecay != nil
    clock = session.makeClock()
    targets = (0..<configuration.batch).map { image in
      (0..<graph.classCount).map { $0 == image % graph.classCount ? 1 : 0 }
    }
  }

  /// Runs a step: forwards, backwards, optimiser and average.
  ///
  /// - Returns: The time of each layer.
  /// - Throws: `TrainingError.nonFinite`.
  package func run() throws(TrainingError) -> StepTimes {
    clock.start()
    let key = RandomKey(seed: 0)[steps]
    _ = try session.addGradients(
      targets: targets, keys: targets.indices.map { key[$0] }, clock: clock)
    try optimizer.update(after: steps, learningRate: 0, on: session.workers)
    clock.lapWhole(.update)
    steps += 1
    return clock.times
  }

  /// The bytes that packing the weights at least reads and writes.
  package var packingBytes: Int { session.memory.parameters + session.memory.packedWeights }

  /// The bytes that the optimiser and the average at least read and write.
  package var updateBytes: Int {
    2 * (session.memory.state - (hasAverage ? 0 : session.memory.average))
  }
}
