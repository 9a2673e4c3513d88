import ArgumentParser
import CNNZoo

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how long networks take, on random input.",
    discussion: """
      Lists are swept: every count of threads with every batch. Several networks are measured in \
      turns, round by round, so that a machine that grows slower does so for all. Without --weights \
      the weights are random, which does not change the time. Images per second are those at the \
      median; the spread is how far the rounds' medians lie apart; the ratio is that of the medians \
      in the same rounds to the first network's. Decoding pictures is not measured.

      --compare tells for each measurement the ratio of its time to that in an earlier report, and \
      an interval: 99 % by the test of Mann and Whitney on the medians of the rounds. It is called \
      faster or slower where the interval leaves out 1, the fastest runs agree, and the medians are \
      not those of a busy machine. What changed \
      between two runs of the machine itself no test can see: repeat both.

      --layers sets each step's time beside its bound: the longer of its multiply-adds at the peak \
      and its bytes at the bandwidth that this process measures first, with as many threads; bytes \
      at the bandwidth of memory of the step's size, from a cache or not. GFLOP/s count the \
      convolution's definition, 2 per multiply-add, and may pass the peak where Winograd's method \
      needs fewer; the bound counts those of the method in use.

      json holds every run's time. With --compare or --layers, csv and markdown hold the table of \
      that.
      """)

  @Argument(help: "The networks; see `cnnzoo models`.", completion: .networks)
  var models: [String]

  @Option(
    name: .shortAndLong, help: "Counts of threads; by default as many as this process may use.")
  var threads = CountList([HostFacts.allowedThreads])

  @Option(name: .shortAndLong, help: "Counts of images that are computed together, up to 1024.")
  var batch = CountList([1])

  @Option(help: "Extent of the input, N or HEIGHTxWIDTH; by default the published one.")
  var inputSize: InputSize?

  @Option(help: "Seconds that each measurement lasts at least.")
  var minTime = 1.0

  @Option(help: "Rounds that each measurement is split into, up to 100; --compare needs 5.")
  var rounds = 6

  @Flag(help: "Also measure every step of the program, in runs of their own.")
  var layers = false

  @Option(
    help: ArgumentHelp("Compare with an earlier --format json.", valueName: "file"),
    completion: .file())
  var compare: String?

  @Option(
    help: ArgumentHelp(
      "Also draw the distributions, and with --layers the steps, as SVG.", valueName: "file"),
    completion: .file(extensions: ["svg"]))
  var plot: String?

  @Option(
    help: "Weights of the one network, a safetensors or PyTorch file.", completion: .file())
  var weights: String?

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Option(help: "The padding rule; by default that of the weights.")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Form of the network") var form: NetworkForm

  /// Fewer samples have no percentiles worth the name.
  private static let minimumCount = 10

  func validate() throws {
    if weights != nil && models.count != 1 {
      throw ValidationError("--weights is about one network.")
    }
    if !(minTime >= 0 && minTime <= 3600) {
      throw ValidationError("--min-time must be from 0 to 3600 seconds.")
    }
    if !(1...100).contains(rounds) {
      throw ValidationError("--rounds must be from 1 to 100.")
    }
  }

  func run() throws {
    var report = BenchReport(environment: try EnvironmentFacts())
    if let plot { try OutputFile.check(plot) }
    let earlier = try compare.map { path throws in try EarlierBench(contentsOf: path) }
    let networks = try models.map { name throws in
      try BenchNetwork(ModelCatalog.model(named: name), weights: weights, configure: configure)
    }
    if let earlier { try requireCommon(networks, earlier) }
    let bench = BenchRun(
      rounds: BenchRounds(
        count: rounds,
        rule: RepetitionRule(minimumTime: minTime, minimumCount: Self.minimumCount)),
      measuresLayers: layers)
    for options in settings {
      let sessions = try networks.map { network throws in
        (key: try network.key(options), session: try network.session(options))
      }
      report.results += try bench.measure(sessions)
    }
    if let earlier { report.compare(with: earlier) }
    if format.format != .text { Diagnostics.tell(remarks: report.warnings) }
    try report.formatted.write(as: format.format)
    if let plot { try OutputFile.write(Array(report.plot.utf8), to: plot) }
  }

  /// Every count of threads with every batch.
  private var settings: [InferenceSession.Options] {
    threads.values.flatMap { threads in
      batch.values.map { batch in
        InferenceSession.Options(threads: threads, backend: backend, maximumBatch: batch)
      }
    }
  }

  /// Refuses an earlier report of other work before anything is measured.
  private func requireCommon(_ networks: [BenchNetwork], _ earlier: EarlierBench) throws {
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
    form.apply(to: &configuration)
  }
}
