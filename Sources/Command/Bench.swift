import ArgumentParser
import CNNZoo

struct Bench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure how long networks take, on random input.",
    discussion: """
      Lists are swept: every count of threads with every batch. Without --weights the weights are \
      random, which does not change the time. Images per second are those at the median. Decoding \
      pictures is not measured.

      --layers sets each step's time beside its bound: the longer of its multiply-adds at the peak \
      and its bytes at the bandwidth that this process measures first, with as many threads; bytes \
      at the bandwidth of memory of the step's size, from a cache or not. GFLOP/s count the \
      convolution's definition, 2 per multiply-add, and may pass the peak where Winograd's method \
      needs fewer; the bound counts those of the method in use.
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

  @Flag(help: "Also measure every step of the program, in runs of their own.")
  var layers = false

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
  }

  func run() throws {
    let environment = try EnvironmentFacts()
    let networks = try models.map { name throws in
      try BenchNetwork(ModelCatalog.model(named: name), weights: weights, configure: configure)
    }
    let bench = BenchRun(
      rule: RepetitionRule(minimumTime: minTime, minimumCount: Self.minimumCount),
      measuresLayers: layers)
    var results: [BenchResult] = []
    for network in networks {
      for threads in threads.values {
        for batch in batch.values {
          let session = try network.session(
            InferenceSession.Options(threads: threads, backend: backend, maximumBatch: batch))
          results.append(try bench.measure(session, model: network.model.name))
        }
      }
    }
    try benchReport(results, environment: environment).write(as: format.format)
  }

  private func configure(_ configuration: inout ModelConfiguration) {
    configuration.resize(to: inputSize)
    configuration.padding = padding ?? configuration.padding
    form.apply(to: &configuration)
  }
}

/// A network to be measured, with weights from a file or random ones.
struct BenchNetwork {
  let model: Model
  private let graph: Graph
  private let loaded: LoadedNetwork?

  init(
    _ model: Model, weights: String?, configure: (inout ModelConfiguration) -> Void
  ) throws {
    self.model = model
    if let weights {
      let network = try LoadedNetwork(
        model, file: WeightFile(path: weights), configure: configure)
      loaded = network
      graph = network.graph
    } else {
      var configuration = model.defaultConfiguration
      configure(&configuration)
      loaded = nil
      graph = try model.graph(configuration)
    }
  }

  func session(_ options: InferenceSession.Options) throws -> InferenceSession {
    if let loaded { return try loaded.session(options) }
    return try InferenceSession(graph: graph, parameters: SeededParameters(), options: options)
  }
}
