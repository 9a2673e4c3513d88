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

  @Argument(help: "Files, folders, or -.")
  var inputs: [String] = []

  @Option(help: "The network; see `cnnzoo models`.")
  var model: String

  @Option(help: "Its weights, a safetensors or PyTorch file.")
  var weights: String?

  @Option(name: .customShort("k"), help: "How many classes to name.")
  var topK = 5

  @OptionGroup var format: FormatOption

  @Option(
    name: .shortAndLong, help: "Threads that compute; by default as many as this process may use.")
  var threads = Count(HostFacts.allowedThreads)

  @Option(help: "Pictures that are computed together.")
  var batch = Count(1)

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Option(help: "A file with the classes' names, one a line.")
  var labels: String?

  @Option(help: "A file with paths of pictures, one a line; - is standard input.")
  var filesFrom: String?

  @Flag(help: "The paths of --files-from end with zero bytes, not lines.")
  var null = false

  @Flag(help: "Ignore the orientation that a camera wrote into the file.")
  var noExif = false

  @Option(help: "What becomes of inputs that fail.")
  var onError = FailurePolicy.tell

  @OptionGroup(title: "Recipe (by default that of the weights)") var recipe: RecipeOptions

  func validate() throws {
    if inputs.isEmpty && filesFrom == nil {
      throw ValidationError("Give pictures, folders, - or --files-from.")
    }
    if inputs.count(where: { $0 == "-" }) + (filesFrom == "-" ? 1 : 0) > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
    if null && filesFrom == nil { throw ValidationError("--null is about --files-from.") }
    if topK < 1 { throw ValidationError("-k must be at least 1.") }
  }

  func run() throws {
    let network = try ModelCatalog.model(named: model)
    let list = try filesFrom.map { path throws in try PathList(path, endedByZeros: null) }
    let file = try weights ?? PullOffer(inputIsTaken: readsStandardInput).weights(of: network)
    let classifier = try Classifier(model: network, weights: file, options: options())
    Diagnostics.tell(remarks: classifier.remarks)
    let pictures = PictureStream(
      PictureInputs(arguments: PicturePath.paths(of: inputs), list: list),
      preprocessing: classifier.preprocessing,
      options: PictureStream.Options(appliesOrientation: !noExif), threads: threads.value,
      batch: batch.value)
    var run = ClassifyRun(
      classifier, batch: batch.value, topK: topK, policy: onError,
      report: ClassifyReport(format: format.format, model: network.name))
    try run.answer(pictures)
    try run.status.throwUnlessSuccess()
  }

  private var readsStandardInput: Bool { inputs.contains("-") || filesFrom == "-" }

  private func options() throws -> Classifier.Options {
    var options = Classifier.Options()
    options.threads = threads.value
    options.backend = backend
    options.maximumBatch = batch.value
    options.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    options.recipe = recipe.overrides
    return options
  }
}

extension ExitStatus {
  /// Ends the command with this status, unless all went well.
  func throwUnlessSuccess() throws(ExitStatus) {
    if self != .success { throw self }
  }
}
