import ArgumentParser
import CNNZoo
import Host

/// Options for the network, its weights, and how images are read.
struct NetworkOptions: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "Network; see `cnnzoo models`.",
      discussion:
        "Default: that of --weights, else CNNZOO_MODEL, else the most accurate weights installed."
    ), completion: .networks)
  var model: String?

  @Option(
    help: "Weight file: safetensors or PyTorch, also a training checkpoint.", completion: .file())
  var weights: String?

  @OptionGroup var reading: WeightOptions

  @Option(
    name: .shortAndLong, help: "Compute threads (default: all available processors).",
    transform: Count.parse)
  var threads = Count(HostInfo.allowedThreads)

  @OptionGroup var compute: ComputeOptions

  @Flag(help: "Ignore the EXIF orientation.")
  var noExif = false

  @OptionGroup(title: "Preprocessing (default: from the weights)") var preprocessing:
    PreprocessingOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  /// The network with its weights; on a terminal, offers to download missing ones.
  func network(inputIsTaken: Bool) throws -> LoadedNetwork {
    let choice = try PullOffer(inputIsTaken: inputIsTaken).choose(
      model.map(ModelCatalog.model), weights: weights, limits: limits.weights)
    return try LoadedNetwork(
      choice, usesEMA: !reading.noEma, overrides: preprocessing.overrides)
  }

  /// As many threads as processors at most.
  var threadCount: Int { AvailableThreads.capped(threads) }

  func classifierOptions(batch: Int, labels: String?) throws -> Classifier.Options {
    var options = Classifier.Options()
    options.threads = threadCount
    options.backend = compute.backend
    options.precision = compute.choice
    options.maximumBatch = batch
    options.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    options.preprocessing = preprocessing.overrides
    options.limits = limits.weights
    options.usesEMA = !reading.noEma
    options.decoding = decoding
    return options
  }

  func embedderOptions(batch: Int) -> Embedder.Options {
    var options = Embedder.Options()
    options.threads = threadCount
    options.backend = compute.backend
    options.precision = compute.choice
    options.maximumBatch = batch
    options.decoding = decoding
    return options
  }

  /// The batch size, by default a few images per thread.
  ///
  /// A thread that computes a whole image waits for no other, and all stay busy until the batch is
  /// done.
  func batch(_ chosen: Count?) -> Int { chosen?.value ?? Self.batch(threads: threadCount) }

  /// The default batch size.
  static func batch(threads: Int) -> Int { min(4 * threads, 16) }

  /// The single image of a command: a path, or - for standard input.
  func image(_ argument: String) throws -> Image {
    let input: ImageInput =
      argument == "-" ? .standardInput : .file(FilePath.paths(of: [argument])[0])
    let image = try input.decoded(decoding)
    for warning in image.warnings { Diagnostics.warn("\(argument.terminalSafe()): \(warning)") }
    return image
  }

  var decoding: DecodingOptions {
    var options = DecodingOptions()
    options.limits = limits.decoding
    options.appliesOrientation = !noExif
    return options
  }
}

/// How faithfully to decode.
struct DecodingModeOption: ParsableArguments {
  @Option(
    help: ArgumentHelp(
      "exact gives Pillow's pixels; fast lets decoders scale large JPEG and WebP images down.",
      valueName: "mode"))
  var decode = DecodingMode.exact

  /// What reports say about it.
  var facts: JSON.Object { decode == .exact ? [:] : ["decode": .string(decode.rawValue)] }
}

extension DecodingMode: ExpressibleByArgument {}

/// How to handle inputs that fail.
enum FailurePolicy: String, CaseIterable, ExpressibleByArgument {
  case report, record, skip, fail

  static var allValueDescriptions: [String: String] {
    [
      "report": "Write a message, and a record if the format has records.",
      "record": "Like report, but exit with 0; for programs that read the records.",
      "skip": "Write a message, but no record.",
      "fail": "Stop at the first failure.",
    ]
  }
}

/// Images from arguments, folders and lists.
struct ImageListOptions: ParsableArguments {
  @Option(
    help: "Batch size (default: chosen from the thread count).", transform: Count.parse)
  var batch: Count?

  @Option(
    help: "Read image paths from a file, one per line; - is standard input.", completion: .file())
  var filesFrom: String?

  @Flag(help: "Paths in --files-from are NUL-separated.")
  var null = false

  @Flag(help: "Include hidden files and folders.")
  var hidden = false

  @Option(help: "How to handle inputs that fail.")
  var onError = FailurePolicy.report

  /// Throws if there are no inputs, or if standard input would be read twice.
  func validate(_ inputs: [String], others: [String] = []) throws {
    if inputs.isEmpty && filesFrom == nil {
      throw ValidationError("Specify images, folders, - or --files-from.")
    }
    try (inputs + others).forEach(rejectURL)
    if (inputs + others).count(where: { $0 == "-" }) + (filesFrom == "-" ? 1 : 0) > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
    if null && filesFrom == nil { throw ValidationError("--null needs --files-from.") }
  }

  /// The images.
  ///
  /// - Throws: `PathListError` if the list cannot be opened.
  func images(_ arguments: [String]) throws -> ImageInputs {
    ImageInputs(
      arguments: FilePath.paths(of: arguments),
      list: try filesFrom.map { path throws in try PathList(path, endedByZeros: null) },
      includesHidden: hidden)
  }

  /// Whether images or their paths come from standard input.
  func readsStandardInput(_ arguments: [String]) -> Bool {
    arguments.contains("-") || filesFrom == "-"
  }

  func tally(_ arguments: [String]) -> InputTally {
    InputTally(
      policy: onError, folders: filesFrom == nil ? FilePath.paths(of: arguments) : nil,
      includesHidden: hidden)
  }
}

/// Rejects a URL, with the command that downloads it.
func rejectURL(_ input: String) throws {
  guard isURL(input) else { return }
  let command = CommandLine.arguments.dropFirst().first ?? "classify"
  throw ValidationError("\(input) is a URL; try: curl -L \(input) | cnnzoo \(command) - …")
}

/// Rejects the URL of a dataset.
func rejectFolderURL(_ input: String) throws {
  guard isURL(input) else { return }
  throw ValidationError("\(input) is a URL; download and unpack it, then pass the folder")
}

private func isURL(_ input: String) -> Bool {
  let lowercased = input.lowercased()
  return ["http://", "https://", "ftp://"].contains { lowercased.hasPrefix($0) }
}
