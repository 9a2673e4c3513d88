import ArgumentParser
import CNNZoo

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure inference time on random input.",
    discussion: """
      Measures every combination of thread count and batch size. Multiple networks run in \
      interleaved rounds, so that a slowdown of the machine affects them all equally. Weights are \
      random unless --weights is given; this does not affect the timing. Without --weights, \
      --precision auto is f32. images/s is based on the median. spread is the range of the round \
      medians divided by their median. ratio compares each network with the first, round by round. \
      Image decoding is not measured.

      --compare reports the ratio of each time to the earlier report's, with a 99 % confidence \
      interval (Mann-Whitney test on the round medians). A network counts as faster or slower only \
      if the interval excludes 1, the fastest runs agree, and the machine was not busy in either \
      run. No test can tell whether the machine itself changed between two runs; if in doubt, \
      repeat both.

      --layers compares each step with a lower bound: its multiply-adds at the peak arithmetic \
      rate or its bytes at the peak bandwidth, whichever takes longer. Both peaks are measured \
      first, with the same number of threads and a buffer of the step's size. GFLOP/s counts 2 \
      operations per multiply-add of a direct convolution and may exceed the peak where Winograd \
      convolution needs fewer; the bound counts the operations actually performed.

      json includes the time of every run. With --compare or --layers, csv and markdown contain \
      only that table.
      """)

  @Argument(help: "Networks to measure; see `cnnzoo models`.", completion: .networks)
  var models: [String]

  @Option(
    name: .shortAndLong, help: "Thread counts, comma-separated.", transform: CountList.parse)
  var threads = CountList([HostInfo.allowedThreads])

  @Option(name: .shortAndLong, help: "Batch sizes, comma-separated.", transform: CountList.parse)
  var batch = CountList([1])

  @Option(help: "Input size: N or HEIGHTxWIDTH (default: as published).")
  var inputSize: InputSize?

  @Option(help: "Minimum duration of each measurement, in seconds.")
  var minTime = 1.0

  @Option(help: "Rounds per measurement, at most 100; --compare needs at least 5.")
  var rounds = 6

  @Flag(help: "Also measure each step of the program, in separate runs.")
  var layers = false

  @Option(
    help: ArgumentHelp("Compare with an earlier report (--format json).", valueName: "file"),
    completion: .file())
  var compare: String?

  @Option(
    help: ArgumentHelp(
      "Plot the distributions as an SVG file.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var plot: String?

  @Option(
    help: "Weight file: safetensors or PyTorch; needs a single network.", completion: .file())
  var weights: String?

  @OptionGroup var reading: WeightOptions

  @OptionGroup var compute: ComputeOptions

  @Option(help: "Padding rule (default: from the weights).")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  @OptionGroup(title: "Network variant") var variant: VariantOptions

  /// Percentiles of fewer samples are meaningless.
  private static let minimumCount = 10

  func validate() throws {
    if weights != nil && models.count != 1 {
      throw ValidationError("--weights needs a single network.")
    }
    if !(minTime >= 0 && minTime <= 3600) {
      throw ValidationError("--min-time must be between 0 and 3600 seconds.")
    }
    if !(1...100).contains(rounds) {
      throw ValidationError("--rounds must be between 1 and 100.")
    }
  }

  func run() throws {
    var report = BenchReport(environment: try EnvironmentInfo())
    if let plot { try OutputFile.check(plot, is: [.svg]) }
    let earlier = try compare.map { path throws in try EarlierBench(contentsOf: path) }
    let networks = try models.map { name throws in
      try BenchNetwork(
        ModelCatalog.model(named: name), weights: weights, usesEMA: !reading.noEma,
        compute: compute, configure: configure)
    }
    for precision in Set(networks.map(\.precision)) { try Diagnostics.warnIfEmulated(precision) }
    let settings = settings
    if let earlier { try requireCommon(networks, earlier, settings) }
    let bench = BenchRun(
      rounds: BenchRounds(
        count: rounds,
        rule: RepetitionRule(minimumTime: minTime, minimumCount: Self.minimumCount)),
      measuresLayers: layers)
    let progress = RunProgress(
      "rounds", total: settings.count * networks.count * rounds, showsRate: false)
    for options in settings {
      let sessions = try networks.map { network throws in
        (key: try network.key(options), session: try network.session(options))
      }
      report.results += try bench.measure(sessions, progress: progress)
    }
    ProgressLine.erase()
    if let earlier { report.compare(with: earlier) }
    if format.format != .text { Diagnostics.warn(report.warnings) }
    try report.formatted.write(as: format.format)
    if let plot { try OutputFile.write(Array(report.plot.utf8), to: plot) }
  }

  /// Every combination of thread count and batch size.
  private var settings: [InferenceSession.Options] {
    AvailableThreads.capped(threads.values).flatMap { threads in
      batch.values.map { batch in
        InferenceSession.Options(
          threads: threads, backend: compute.backend, maximumBatch: batch)
      }
    }
  }

  /// Throws if the earlier report has no measurement in common with this run.
  private func requireCommon(
    _ networks: [BenchNetwork], _ earlier: EarlierBench,
    _ settings: [InferenceSession.Options]
  ) throws {
    let keys = try settings.flatMap { options throws in
      try networks.map { network throws in try network.key(options) }
    }
    guard keys.contains(where: { earlier.result(for: $0) != nil }) else {
      throw EarlierBenchError.nothingInCommon(
        path: earlier.path, has: earlier.results.map(\.key))
    }
  }

  private func configure(_ configuration: inout ModelConfiguration) {
    configuration.resize(to: inputSize)
    configuration.padding = padding ?? configuration.padding
    variant.apply(to: &configuration)
  }
}

/// A network to measure, with weights from a file or random ones.
struct BenchNetwork {
  let model: Model
  let precision: Precision
  private let graph: Graph
  private let loaded: LoadedNetwork?

  init(
    _ model: Model, weights: String?, usesEMA: Bool, compute: ComputeOptions,
    configure: (inout ModelConfiguration) -> Void
  ) throws {
    self.model = model
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

  func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    let options = completed(options)
    if let loaded { return try loaded.session(options) }
    return try InferenceSession(graph: graph, parameters: SeededParameters(), options: options)
  }

  private func completed(_ options: InferenceSession.Options) -> InferenceSession.Options {
    var options = options
    options.precision = precision
    return options
  }

  /// Identifies a measurement with these options, without packing any weights.
  func key(_ options: InferenceSession.Options) throws -> BenchKey {
    let options = completed(options)
    return BenchKey(
      model: model.name,
      input: [graph.inputShape.height, graph.inputShape.width, graph.inputShape.channels],
      macs: graph.macs,
      backend: try Program(lowering: graph, options: options).backend.rawValue,
      precision: precision.rawValue, threads: options.threads, batch: options.maximumBatch)
  }
}

/// What two measurements must share to be comparable.
package struct BenchKey: Hashable, Sendable {
  package let model: String
  /// Height, width and channels.
  package let input: [Int]
  /// MACs for one image; distinguishes variants of a network that share a name.
  package let macs: Int
  package let backend: String
  package let precision: String
  package let threads: Int
  package let batch: Int

  package init(
    model: String, input: [Int], macs: Int, backend: String, precision: String, threads: Int,
    batch: Int
  ) {
    self.model = model
    self.input = input
    self.macs = macs
    self.backend = backend
    self.precision = precision
    self.threads = threads
    self.batch = batch
  }
}

extension BenchKey {
  var json: JSON.Object {
    [
      "model": .string(model), "threads": .integer(threads), "batch": .integer(batch),
      "backend": .string(backend), "precision": .string(precision),
      "input_shape": .array(input.map(JSON.integer)),
      "macs": .integer(macs),
    ]
  }
}

extension BenchKey: CustomStringConvertible {
  /// For example `effnetv2-s 384x384x3 simd f32, 2 threads, batch 8`; names read from files can be long.
  package var description: String {
    let shape = input.map { "\($0)" }.joined(separator: "x")
    return
      "\(model.prefix(60)) \(shape) \(backend.prefix(20)) \(precision.prefix(20)), \(threadsAndBatch)"
  }

  /// For example `2 threads, batch 8`.
  var threadsAndBatch: String { "\(NumberText.count(threads, "thread")), batch \(batch)" }
}
