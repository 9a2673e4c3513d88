import ArgumentParser
import CNNZoo

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure the time of inference, or of training, on random input.",
    discussion: """
      Measures every combination of thread count and batch size. Multiple networks run in \
      interleaved rounds, so that a slowdown of the machine affects them all equally. Weights are \
      random unless --weights is given; this does not affect the timing. Without --weights, \
      --precision auto is f32. images/s is based on the median. spread is the range of the round \
      medians divided by their median. ratio compares each network with the first, round by round. \
      Image decoding is not measured, except with --images.

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

      --train measures a training step: forwards, backwards, optimiser and average, by default for \
      32 images of 128x128 pixels. Tables show the time of each stage in both directions with the \
      share of its bound, the time of each kind of work, and the memory next to that of a lean \
      schedule, which keeps only the outputs of convolutions and the inputs of blocks. The bound \
      assumes that feature maps leave the cache only where batch norm's statistics require it. \
      --layers lists layers instead of stages, slowest first.

      --images sends the images of a folder through the network as `classify` does; a run is a pass \
      over all of them. A table shows the processor time that reading, decoding, resizing and the \
      network take.

      json includes the time of every run. With --compare or --layers, csv and markdown contain \
      only that table.
      """)

  @Argument(help: "Networks to measure; see `cnnzoo models`.", completion: .networks)
  var models: [String]

  @Option(
    name: .shortAndLong, help: "Thread counts, comma-separated.", transform: CountList.parse)
  var threads = CountList([HostInfo.allowedThreads])

  @Option(
    name: .shortAndLong,
    help:
      "Batch sizes, comma-separated (default: 1; with --train 32; with --images that of classify).",
    transform: CountList.parse)
  var batch: CountList?

  @Option(
    name: [.customLong("input-size"), .customLong("image-size")],
    help: "Input size: N or HEIGHTxWIDTH (default: as published; with --train 128).")
  var inputSize: InputSize?

  @Option(help: "Minimum duration of each measurement, in seconds.")
  var minTime = 1.0

  @Option(help: "Rounds per measurement, at most 100; --compare needs at least 5.")
  var rounds = 6

  @Flag(
    help: "Also measure each step of the program, in separate runs; with --train, list all layers.")
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

  @OptionGroup(title: "Network variant") var variant: MeasuredVariantOptions

  @OptionGroup(title: "Training step") var step: StepOptions

  @OptionGroup(title: "Stream of images") var stream: StreamOptions

  /// Percentiles of fewer samples are meaningless.
  private static let minimumCount = 10

  func validate() throws {
    if weights != nil && models.count != 1 {
      throw ValidationError("--weights needs a single network.")
    }
    if weights != nil && variant.fusedStages != nil {
      throw ValidationError("No weights have other --fused-stages; drop --weights.")
    }
    if !(minTime >= 0 && minTime <= 3600) {
      throw ValidationError("--min-time must be between 0 and 3600 seconds.")
    }
    if !(1...100).contains(rounds) {
      throw ValidationError("--rounds must be between 1 and 100.")
    }
    if stream.images == nil {
      try stream.rejectWithoutImages()
    } else {
      try rejectOptionsOfTensors()
    }
    try step.rejectValuesOutOfRange()
    guard step.train else { return try step.rejectWithoutTraining() }
    try rejectOptionsOfInference()
  }

  func run() throws {
    var report = BenchReport(environment: try EnvironmentInfo(), showsLayers: layers)
    if let plot { try OutputFile.check(plot, is: [.svg]) }
    let earlier = try compare.map { path throws in try EarlierBench(contentsOf: path) }
    let networks = try models.map { name throws in try network(ModelCatalog.model(named: name)) }
    for precision in Set(networks.map(\.precision)) { try Diagnostics.warnIfEmulated(precision) }
    let settings = settings
    if let earlier { try requireCommon(networks, earlier, settings) }
    let bench = BenchRun(
      rounds: BenchRounds(
        count: rounds,
        rule: RepetitionRule(minimumTime: minTime, minimumCount: Self.minimumCount)))
    let progress = RunProgress(
      "rounds", total: settings.count * networks.count * rounds, showsRate: false)
    for setting in settings {
      let subjects = try networks.map { network throws in try network.subject(setting) }
      report.results += try bench.measure(subjects, progress: progress)
    }
    ProgressLine.erase()
    if let earlier { report.compare(with: earlier) }
    if format.format != .text { Diagnostics.warn(report.warnings) }
    try report.formatted.write(as: format.format)
    if let plot { try OutputFile.write(Array(report.plot.utf8), to: plot) }
  }

  private func network(_ model: Model) throws -> any BenchNetwork {
    if step.train {
      var configuration = step.configuration
      configuration.precision = compute.trainingPrecision
      return try TrainingNetwork(
        model, configuration, recomputes: step.recompute, configure: configure)
    }
    let network = try InferenceNetwork(
      model, weights: weights, usesEMA: !reading.noEma, compute: compute,
      measuresLayers: layers, configure: configure)
    return try stream.images.map { folder throws in try StreamNetwork(network, folder, stream) }
      ?? network
  }

  /// Every combination of thread count and batch size.
  private var settings: [BenchSetting] {
    AvailableThreads.capped(threads.values).flatMap { threads in
      (batch?.values ?? [defaultBatch(threads)]).map { BenchSetting(threads: threads, batch: $0) }
    }
  }

  private func defaultBatch(_ threads: Int) -> Int {
    if step.train { return step.configuration.batch }
    return stream.images == nil ? 1 : NetworkOptions.batch(threads: threads)
  }

  /// Throws if the earlier report has no measurement in common with this run.
  private func requireCommon(
    _ networks: [any BenchNetwork], _ earlier: EarlierBench, _ settings: [BenchSetting]
  ) throws {
    let keys = try settings.flatMap { setting throws in
      try networks.map { network throws in try network.key(setting) }
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
