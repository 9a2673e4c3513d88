import ArgumentParser
import CNNZoo
import Host

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on your own classes.",
    discussion: """
      Each folder in FOLDER is a class: its name is the class name, and it contains the images. If \
      FOLDER is divided into train, val (or valid, validation) and test, train and val are used; \
      otherwise 15 % of the images, chosen so that copies stay together, are for validation.

      Training starts from pretrained weights with a new classifier, fitted in closed form to the \
      images; then every layer is trained. --from-scratch starts from random weights. --head-only \
      stops after the classifier, which takes seconds: ridge regression on the layer's input, \
      reported leave-one-out.

      OUTPUT is an ordinary weight file that includes the class names; use it with `cnnzoo classify \
      --weights OUTPUT`. It has the weights of the epoch with the lowest validation log loss. The \
      log and the states of the run are in OUTPUT's folder, in NAME.run; after an interruption, \
      --resume continues from the last state and gives the same bits as an uninterrupted run, with \
      any number of threads.
      """)

  @Argument(help: "A folder with one folder per class.", completion: .directory)
  var folder: String?

  @Option(
    name: .shortAndLong, help: "Output safetensors file; an existing file is replaced.")
  var output: String?

  @Flag(help: "Fit a new classifier in closed form, on top of the unchanged network.")
  var headOnly = false

  @Flag(help: "Start from random weights.")
  var fromScratch = false

  @Option(help: "Continue the run in this folder.", completion: .directory)
  var resume: String?

  @OptionGroup(title: "Training") var training: TrainingOptions

  @OptionGroup(title: "Run") var saving: RunOptions

  @OptionGroup var network: NetworkOptions

  @Flag(help: "Include hidden files and folders.")
  var hidden = false

  @Option(help: "How to handle images that fail; they are not used.")
  var onError = FailurePolicy.report

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  func validate() throws {
    if resume != nil {
      guard folder == nil, output == nil, !headOnly, !fromScratch else {
        throw ValidationError("--resume takes folder, output and mode from the run.")
      }
      if network.model != nil || network.weights != nil {
        throw ValidationError(
          "--resume takes the network from the run; drop --model and --weights.")
      }
      return
    }
    guard let folder else { throw ValidationError("Specify a folder, or a run with --resume.") }
    try rejectFolderURL(folder)
    guard output != nil else { throw ValidationError("Specify the weight file to write with -o.") }
    if !headOnly, network.compute.precision ?? .f32 != .f32 {
      throw ValidationError("Networks are trained in f32; --precision is for --head-only.")
    }
    if headOnly && fromScratch {
      throw ValidationError("--head-only needs pretrained weights; drop --from-scratch.")
    }
    if fromScratch {
      guard network.model != nil else {
        throw ValidationError("--from-scratch needs the network: --model NAME.")
      }
      if network.weights != nil {
        throw ValidationError("--from-scratch ignores weights; drop --weights.")
      }
    }
  }

  func run() throws {
    if let resume { return try run(resuming: resume) }
    guard let folder, let output else { return }
    if headOnly {
      return try HeadTraining(
        folder: folder, output: output, network: network,
        batch: training.batch ?? network.batch(nil), includesHidden: hidden, onError: onError
      ).run(format)
    }
    try OutputFile.check(output, is: [.safetensors])
    let start = try start(output)
    var options = options
    options.configuration = defaults(start)
    training.apply(to: &options.configuration)
    options.includesHidden = hidden
    let display = TrainingDisplay(onError)
    defer { ProgressLine.erase() }
    let trainer = try Trainer(
      start, folder: folder, output: output, options, receive: display.receive)
    var facts: JSON.Object = [:]
    if case .weights(let loaded) = start { facts = loaded.facts }
    try run(trainer, display, facts)
  }

  private func run(resuming path: String) throws {
    let display = TrainingDisplay(onError)
    defer { ProgressLine.erase() }
    let trainer = try Trainer(
      resuming: path, options, configure: training.apply, receive: display.receive)
    try run(trainer, display)
  }

  private func run(
    _ trainer: Trainer, _ display: TrainingDisplay, _ facts: JSON.Object = [:]
  ) throws {
    try display.receive(.planned(trainer.plan))
    // An interrupt takes effect after the step, when the state is saved.
    let outcome = try Interrupts.deferred { () throws in
      let outcome = try trainer.run(
        receive: display.receive, shouldStop: { Interrupts.isWaiting })
      if case .stopped = outcome {
        ProgressLine.erase()
        Diagnostics.log(
          "stopped and saved; to continue: cnnzoo train --resume \(trainer.plan.runFolder)")
      }
      return outcome
    }
    guard case .finished(let validation, let epoch) = outcome else { return }
    ProgressLine.erase()
    try TrainReport(trainer, display.epochs, validation, bestEpoch: epoch, weights: facts)
      .report.write(as: format.format)
    try display.finish()
  }

  private func start(_ output: String) throws -> TrainingStart {
    guard fromScratch, let name = network.model else {
      let loaded = try network.network(inputIsTaken: false)
      Diagnostics.warn(loaded.warnings + loaded.trainingWarnings)
      try OutputFile.check(output, is: [.safetensors], replacesNone: [loaded.file.path])
      return .weights(loaded)
    }
    let model = try ModelCatalog.model(named: name)
    return .random(model, configuration: model.defaultConfiguration)
  }

  /// The defaults, with the input size of the weights or the network.
  private func defaults(_ start: TrainingStart) -> TrainingConfiguration {
    switch start {
    case .weights(let network):
      var configuration = TrainingConfiguration.fineTuning
      configuration.imageSize = network.info.preprocessing.crop
      return configuration
    case .random: return .fromScratch
    }
  }

  private var options: Trainer.Options {
    var options = Trainer.Options()
    options.threads = network.threadCount
    options.decoding = network.decoding
    saving.apply(to: &options)
    return options
  }
}

extension RunError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .exists, .occupied, .changed, .inUse: .usage
    case .noRun: .missingInput
    case .damaged, .noState: .badData
    case .cannotSave(let error), .file(let error): error.status
    }
  }
}

extension TrainingDataError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .noImages, .badList: .badData
    case .lost, .changed: .missingInput
    case .otherFolder: .usage
    }
  }
}

extension TrainerError: StatusCarrying {
  var status: ExitStatus {
    switch self {
    case .diverged, .fewImages: .badData
    case .tooLittleMemory: .nothingDone
    }
  }
}

extension TrainingError: StatusCarrying {
  var status: ExitStatus { .usage }
}

extension TrainingConfigurationError: StatusCarrying {
  var status: ExitStatus { .usage }
}
