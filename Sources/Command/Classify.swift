import ArgumentParser
import CNNZoo

/// What becomes of inputs that fail.
enum FailurePolicy: String, CaseIterable, ExpressibleByArgument {
  /// Told on standard error, and in a record where the format has records; shown by the status.
  case tell
  /// As `tell`, but the status counts it as answered: for programs that read the records.
  case record
  /// Told on standard error only; shown by the status.
  case skip
  /// The command ends there.
  case fail
}

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Name what pictures show.",
    discussion: """
      Pictures are PNM, JPEG, PNG or WebP files, found out by their first bytes. A folder stands \
      for all pictures in it, files of other kinds are passed over; - is a picture on standard \
      input.
      """)

  @OptionGroup var pictures: PictureOptions

  @Option(help: "The network; see `cnnzoo models`.", completion: .networks)
  var model: String

  @Option(help: "Its weights, a safetensors or PyTorch file.", completion: .file())
  var weights: String?

  @Option(name: [.customShort("k"), .long], help: "How many classes to name; 0 for all.")
  var topK = 5

  @Option(help: "Name only classes of at least this probability.")
  var minProb = 0.0

  @OptionGroup var format: FormatOption

  @Option(help: "Whether text is coloured; NO_COLOR is respected.")
  var color = ColorChoice.auto

  @Option(
    name: .shortAndLong,
    help: "Threads that compute; by default as many as this process may use.")
  var threads = Count(HostFacts.allowedThreads)

  @Option(help: "Pictures that are computed together; by default some for each thread.")
  var batch: Count?

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Option(help: "A file with the classes' names, one a line.", completion: .file())
  var labels: String?

  @Option(help: "What becomes of inputs that fail.")
  var onError = FailurePolicy.tell

  @Flag(name: .shortAndLong, help: "Tell the model, its weights and the time taken.")
  var verbose = false

  @OptionGroup(title: "Recipe (by default that of the weights)") var recipe: RecipeOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func validate() throws {
    if topK < 0 { throw ValidationError("-k must be at least 0.") }
    if !(0...1).contains(minProb) { throw ValidationError("--min-prob must be from 0 to 1.") }
  }

  func run() throws {
    let network = try ModelCatalog.model(named: model)
    let inputs = try pictures.pictureInputs()
    let clock = ContinuousClock()
    let start = clock.now
    let file =
      try weights ?? PullOffer(inputIsTaken: pictures.readStandardInput).weights(of: network)
    let classifier = try Classifier(model: network, weights: file, options: options())
    let loading = clock.now - start
    Diagnostics.tell(remarks: classifier.remarks)
    var run = ClassifyRun(
      classifier, batch: batchSize,
      choice: ClassifyRun.Choice(topK: topK == 0 ? .max : topK, minimumProbability: minProb),
      policy: onError,
      report: ClassifyReport(
        format: format.format, model: network.name,
        terminal: format.format == .text ? Terminal(color) : .plain),
      progress: ClassifyProgress(arguments: pictures.paths, hasList: pictures.filesFrom != nil))
    let answering = try clock.measure { try run.answer(stream(of: inputs, to: classifier)) }
    if verbose { tell(run, of: classifier, loading: loading, answering: answering) }
    try run.status.throwUnlessSuccess()
  }

  private func stream(of inputs: PictureInputs, to classifier: Classifier) -> PictureStream {
    PictureStream(
      inputs, preprocessing: classifier.preprocessing,
      options: PictureStream.Options(
        limits: limits.decoding, appliesOrientation: !pictures.noExif),
      threads: decodingThreads, batch: batchSize)
  }

  /// Where pictures wait, a thread that computes one by itself waits for no other: some for each keep
  /// all busy until the end of a batch.
  private var batchSize: Int { batch?.value ?? min(4 * threads.value, 16) }

  /// Small networks answer faster than one thread decodes: where processors are left, two decode for
  /// each that computes.
  private var decodingThreads: Int {
    max(threads.value, min(2 * threads.value, HostFacts.allowedThreads))
  }

  private func options() throws -> Classifier.Options {
    var options = Classifier.Options()
    options.threads = threads.value
    options.backend = backend
    options.maximumBatch = batchSize
    options.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    options.recipe = recipe.overrides
    options.limits = limits.weights
    return options
  }

  private func tell(
    _ run: ClassifyRun, of classifier: Classifier, loading: Duration, answering: Duration
  ) {
    let network = classifier.network
    let seconds = answering / .seconds(1)
    Diagnostics.tell(
      "\(network.model.name), weights \(network.file.path.terminalSafe()), "
        + "\(threads.value) threads, batch \(batchSize)")
    Diagnostics.tell(
      "loaded in \(NumberText.fixed(loading / .milliseconds(1), 1)) ms; "
        + "\(run.count) pictures in \(NumberText.fixed(seconds, 3)) s, "
        + "\(NumberText.fixed(Double(run.count) / seconds, 1)) per second")
  }
}

extension ExitStatus {
  /// Ends the command with this status, unless all went well.
  func throwUnlessSuccess() throws(ExitStatus) {
    if self != .success { throw self }
  }
}
