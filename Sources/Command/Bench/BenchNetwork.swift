import CNNZoo

/// A network to measure.
protocol BenchNetwork {
  var precision: Precision { get }

  /// Identifies a measurement with these threads and batch, without packing any weights.
  func key(_ setting: BenchSetting) throws -> BenchKey

  /// The network, ready to run.
  func subject(_ setting: BenchSetting) throws -> any BenchSubject
}

/// What varies between the measurements of a network.
struct BenchSetting {
  let threads: Int
  let batch: Int
}

/// A network with its memory and threads, ready to run.
protocol BenchSubject: AnyObject {
  var key: BenchKey { get }
  var input: TensorShape { get }

  /// Calls `body` with the memory for each image of the batch.
  func withInputs(_ body: (_ image: Int, UnsafeMutableBufferPointer<Float>) -> Void)
  /// Runs once.
  func run() throws
  /// Called after warming up.
  func startRecording()
  /// The time of each step or layer, if wanted; may run some more times, as often as `rule` says.
  func parts(
    _ rule: RepetitionRule, _ peaks: PeakRates, _ progress: RunProgress
  ) throws -> BenchResult.Parts?
}

/// Inference, with weights from a file or random ones.
struct InferenceNetwork: BenchNetwork {
  let model: Model
  let precision: Precision
  private let backend: Backend
  private let measuresLayers: Bool
  private let graph: Graph
  private let loaded: LoadedNetwork?

  init(
    _ model: Model, weights: String?, usesEMA: Bool, compute: ComputeOptions, measuresLayers: Bool,
    configure: (inout ModelConfiguration) -> Void
  ) throws {
    self.model = model
    self.measuresLayers = measuresLayers
    backend = compute.backend
    if let weights {
      let network = try LoadedNetwork(
        model, file: WeightFile(path: weights), usesEMA: usesEMA, configure: configure)
      precision = try network.decide(compute.choice, backend: compute.backend).precision
      loaded = network
      graph = network.graph
    } else {
      var configuration = model.defaultConfiguration
      configure(&configuration)
      precision = compute.precisionWithoutWeights
      loaded = nil
      graph = try model.graph(configuration)
    }
  }

  func subject(_ setting: BenchSetting) throws -> any BenchSubject {
    InferenceSubject(
      key: try key(setting), try session(setting), measuresLayers: measuresLayers)
  }

  /// The network's threads and memory.
  func session(_ setting: BenchSetting, forStream: Bool = false) throws -> InferenceSession {
    let options = forStream ? options(setting).forStreams : options(setting)
    return try loaded?.session(options)
      ?? InferenceSession(graph: graph, parameters: SeededParameters(), options: options)
  }

  /// Height and width.
  var inputSides: [Int] { [graph.inputShape.height, graph.inputShape.width] }

  /// That of the weights, else that of the first published ones, at the size of the input.
  var preprocessing: Preprocessing {
    if let loaded { return loaded.info.preprocessing }
    let side = graph.inputShape.height
    let published = model.published.first?.preprocessing
    let scale = Double(published?.resize ?? 8) / Double(published?.crop ?? 7)
    return Preprocessing(
      resize: Int((Double(side) * scale).rounded()), crop: side,
      interpolation: published?.interpolation ?? .bilinear,
      mean: published?.mean ?? [0.485, 0.456, 0.406],
      standardDeviation: published?.standardDeviation ?? [0.229, 0.224, 0.225])
  }

  private func options(_ setting: BenchSetting) -> InferenceSession.Options {
    InferenceSession.Options(
      threads: setting.threads, backend: backend, precision: precision,
      maximumBatch: setting.batch)
  }

  func key(_ setting: BenchSetting) throws -> BenchKey {
    BenchKey(
      model: model.name, input: graph.inputShape.sides, macs: graph.macs,
      backend: try Program(lowering: graph, options: options(setting)).backend.rawValue,
      precision: precision.rawValue, threads: setting.threads, batch: setting.batch)
  }
}

private final class InferenceSubject: BenchSubject {
  let key: BenchKey
  private let session: InferenceSession
  private let measuresLayers: Bool

  init(key: BenchKey, _ session: InferenceSession, measuresLayers: Bool) {
    (self.key, self.session, self.measuresLayers) = (key, session, measuresLayers)
  }

  var input: TensorShape { session.graph.inputShape }

  func withInputs(_ body: (_ image: Int, UnsafeMutableBufferPointer<Float>) -> Void) {
    for image in 0..<key.batch { session.withInput(image: image) { body(image, $0) } }
  }

  func run() throws { try session.run(batch: key.batch) }

  func startRecording() {}

  /// Profiles the session in separate runs: profiling would distort the timed ones.
  func parts(
    _ rule: RepetitionRule, _ peaks: PeakRates, _ progress: RunProgress
  ) throws -> BenchResult.Parts? {
    guard measuresLayers else { return nil }
    let limits = try peaks.limits(threads: key.threads, session.options.precision)
    var profiles: [[Double]] = []
    _ = try rule.samples(clock: BenchRun.clock, afterEach: progress.redraw) {
      profiles.append(try session.profile(batch: key.batch))
    }
    let steps = session.program.steps
    return .layers(
      LayerTimes(
        steps,
        seconds: steps.indices.map { index in
          SampleStatistics(profiles.map { $0[index] }).percentile(50)
        }, batch: key.batch, limits: limits))
  }
}

extension TensorShape {
  /// Height, width and channels.
  var sides: [Int] { [height, width, channels] }
}
