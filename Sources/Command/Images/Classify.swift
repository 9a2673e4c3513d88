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
    abstract: "Name what images show.",
    discussion: """
      Images are PNM, JPEG, PNG or WebP files, found out by their first bytes. A folder stands \
      for all images in it, files of other kinds are passed over; - is an image on standard \
      input.
      """)

  @Argument(help: "Files, folders, or -.", completion: .file())
  var inputs: [String] = []

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(name: [.customShort("k"), .long], help: "How many classes to name; 0 for all.")
  var topK = 5

  @Option(help: "Name only classes of at least this probability.")
  var minProb = 0.0

  @Option(help: "A file with the classes' names, one a line.", completion: .file())
  var labels: String?

  @OptionGroup var format: FormatOption

  @Option(help: "Whether text is coloured; NO_COLOR is respected.")
  var color = ColorChoice.auto

  @Flag(name: .shortAndLong, help: "Tell the model, its weights and the time taken.")
  var verbose = false

  func validate() throws {
    try list.validate(inputs)
    if topK < 0 { throw ValidationError("-k must be at least 0.") }
    if !(0...1).contains(minProb) { throw ValidationError("--min-prob must be from 0 to 1.") }
  }

  func run() throws {
    let images = try list.inputs(inputs)
    let clock = ContinuousClock()
    let start = clock.now
    let (model, path) = try network.weightFile(inputIsTaken: list.readsStandardInput(inputs))
    let batch = network.batch(list.batch)
    let classifier = try Classifier(
      model: model, weights: path, options: network.classifierOptions(batch: batch, labels: labels))
    let loaded = clock.now
    Diagnostics.tell(warnings: classifier.warnings)
    var run = NetworkRunner(engine(classifier, batch: batch), tally: list.tally(inputs))
    try report(
      on: network.stream(images, preparedBy: classifier.preprocessing, batch: batch),
      of: model, by: &run)
    if verbose {
      tell(
        run.tally, of: classifier, batch: batch, loading: loaded - start, run: clock.now - loaded)
    }
    try run.tally.status.throwUnlessSuccess()
  }

  private func engine(
    _ classifier: Classifier, batch: Int
  ) -> NetworkRunner<[Prediction]>.Engine {
    let topK = topK == 0 ? .max : topK
    return NetworkRunner.Engine(batch: batch, load: classifier.load) { count in
      try classifier.answers(count: count, topK: topK).map { answer in
        answer.map { $0.filter { $0.probability >= minProb } }.mapError { $0 }
      }
    }
  }

  private func report(
    on images: ImagePipeline, of model: Model, by run: inout NetworkRunner<[Prediction]>
  ) throws {
    let report = ClassifyReport(
      format: format.format, model: model.name,
      terminal: format.format == .text ? Terminal(color) : .plain)
    try report.begin()
    do {
      try run.run(images) { name, outcome in
        switch outcome {
        case .success(let predictions): try report.answer(name, predictions)
        case .failure(let failure): if list.onError != .skip { try report.failure(name, failure) }
        }
      }
    } catch let status as ExitStatus {
      try report.end()
      throw status
    }
    try report.end()
  }

  private func tell(
    _ tally: InputTally, of classifier: Classifier, batch: Int, loading: Duration, run: Duration
  ) {
    let loaded = classifier.network
    let seconds = run / .seconds(1)
    Diagnostics.tell(
      "\(loaded.model.name), weights \(loaded.file.path.terminalSafe()), "
        + "\(network.threads.value) threads, batch \(batch)")
    Diagnostics.tell(
      "loaded in \(NumberText.fixed(loading / .milliseconds(1), 1)) ms; "
        + "\(tally.count) images in \(NumberText.fixed(seconds, 3)) s, "
        + "\(NumberText.fixed(Double(tally.count) / seconds, 1)) per second")
  }
}

extension ExitStatus {
  /// Ends the command with this status, unless all went well.
  func throwUnlessSuccess() throws(ExitStatus) {
    if self != .success { throw self }
  }
}
