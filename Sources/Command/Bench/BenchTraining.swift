import CNNZoo

/// Training from random parameters, on random images.
struct TrainingNetwork: BenchNetwork {
  let model: Model
  var precision: Precision { configuration.precision }
  private let configuration: TrainingConfiguration
  /// See `Trainer.Options.recomputes`.
  private let recomputes: Bool
  private let graph: Graph

  init(
    _ model: Model, _ configuration: TrainingConfiguration, recomputes: Bool,
    configure: (inout ModelConfiguration) -> Void
  ) throws {
    (self.model, self.configuration, self.recomputes) = (model, configuration, recomputes)
    var variant = model.defaultConfiguration
    (variant.inputHeight, variant.inputWidth) = (configuration.imageSize, configuration.imageSize)
    configure(&variant)
    graph = try TrainingBenchmark.graph(model, variant, configuration)
  }

  func key(_ setting: BenchSetting) -> BenchKey {
    BenchKey(
      model: model.name, mode: .train(recipe: recipe), input: graph.inputShape.sides,
      macs: graph.macs, backend: Backend.simd.rawValue, precision: precision.rawValue,
      threads: setting.threads, batch: setting.batch)
  }

  func subject(_ setting: BenchSetting) throws -> any BenchSubject {
    var configuration = configuration
    configuration.batch = setting.batch
    return TrainingSubject(
      key: key(setting), precision,
      try TrainingBenchmark(
        graph, configuration, threads: setting.threads, recomputes: recomputes))
  }

  /// What changes the work of a step, for example `rmsprop, average, batch statistics`.
  private var recipe: String {
    var parts = [configuration.optimizer.name]
    if configuration.averageDecay != nil { parts.append("average") }
    parts.append("\(configuration.batchNorm.rawValue) statistics")
    if configuration.frozenStages > 0 {
      parts.append("\(configuration.frozenStages) frozen stages")
    }
    if configuration.stochasticDepth > 0 {
      parts.append("stochastic depth \(configuration.stochasticDepth)")
    }
    if recomputes { parts.append("recomputed maps") }
    return parts.joined(separator: ", ")
  }
}

private final class TrainingSubject: BenchSubject {
  let key: BenchKey
  private let precision: Precision
  private let benchmark: TrainingBenchmark
  private var times: [StepTimes] = []

  init(key: BenchKey, _ precision: Precision, _ benchmark: TrainingBenchmark) {
    (self.key, self.precision, self.benchmark) = (key, precision, benchmark)
  }

  var input: TensorShape { benchmark.session.graph.inputShape }

  func withInputs(_ body: (_ image: Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    for image in 0..<key.batch { benchmark.session.withInput(image: image) { body(image, $0) } }
  }

  /// Timing the layers takes some microseconds, a tiny part of a step.
  func run() throws { times.append(try benchmark.run()) }

  func startRecording() { times = [] }

  func parts(
    _ rule: RepetitionRule, _ peaks: PeakRates, _ progress: RunProgress
  ) throws -> BenchResult.Parts? {
    .step(
      StepBreakdown(
        benchmark.session.layers,
        times: .typical(times),
        packingBytes: benchmark.packingBytes, updateBytes: benchmark.updateBytes,
        batch: key.batch, memory: benchmark.session.memory,
        limits: try peaks.limits(threads: key.threads, precision)))
  }
}

extension Optimizer {
  /// The name in recipes: that of `--optimizer`.
  fileprivate var name: String {
    switch self {
    case .sgd: TrainingOptions.OptimizerName.sgd.rawValue
    case .rmsProp: TrainingOptions.OptimizerName.rmsprop.rawValue
    case .adamW: TrainingOptions.OptimizerName.adamw.rawValue
    }
  }
}
