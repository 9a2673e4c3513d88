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
      images; then every layer is trained. If that is no better on the validation images, beyond \
      chance, OUTPUT gets the classifier alone. --from-scratch starts from random weights. \
      --head-only stops after the classifier, which takes seconds: ridge regression on the layer's \
      input, reported leave-one-out.

      --precision bf16 makes a step faster on processors with bf16 products; the result stays f32. \
      int8, auto and CNNZOO_PRECISION are for --head-only.

      --preview writes a sheet of training images, as the network will see them with the options for \
      augmentation, next to what it sees at inference.

      OUTPUT is an ordinary weight file that includes the class names; use it with `cnnzoo classify \
      --weights OUTPUT`. It has the weights of the epoch with the lowest validation log loss, with \
      calibrated probabilities. The \
      log and the states of the run are in OUTPUT's folder, in NAME.run; after an interruption, \
      --resume continues from the last state and gives the same bits as an uninterrupted run, with \
      any number of threads.

      When the run ends or is stopped, report.svg and report.md in NAME.run show its course, the \
      confusion matrix, the recall of each class, copies, and images whose label is likely wrong; \
      --resume of a complete run writes them again.
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

  @Option(
    help: "Show what the network will see of some images as an SVG file, and do not train.",
    completion: .file(extensions: ["svg"]))
  var preview: String?

  @OptionGroup(title: "Training") var training: TrainingOptions

  @OptionGroup(title: "Augmentation") var augmentation: AugmentationOptions

  @OptionGroup(title: "Progressive learning") var progressive: ProgressiveOptions

  @OptionGroup(title: "Run") var saving: RunOptions

  @OptionGroup var network: NetworkOptions

  @OptionGroup(title: "Network variant, for --from-scratch") var widths: WidthOptions

  @Flag(help: "Include hidden files and folders.")
  var hidden = false

  @Option(help: "How to handle images that fail; they are not used.")
  var onError = FailurePolicy.report

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  func validate() throws {
    try rejectValuesOutOfRange()
    try rejectIgnoredOptions()
    if resume != nil {
      guard folder == nil, output == nil, !headOnly, !fromScratch else {
        throw ValidationError("--resume takes folder, output and mode from the run.")
      }
      if preview != nil {
        throw ValidationError("--preview shows the images of a new run; drop --resume.")
      }
      if network.model != nil || network.weights != nil {
        throw ValidationError(
          "--resume takes the network from the run; drop --model and --weights.")
      }
      if saving.time != nil {
        throw ValidationError("--resume follows the run's plan; drop --time.")
      }
      return
    }
    guard let folder else { throw ValidationError("Specify a folder, or a run with --resume.") }
    try rejectFolderURL(folder)
    guard output != nil || preview != nil else {
      throw ValidationError("Specify the weight file to write with -o.")
    }
    if headOnly && preview != nil {
      throw ValidationError(
        "--head-only does not change the images; drop --preview or --head-only.")
    }
    if augmentation.randAugment ?? 0 == 0, progressive.progressive == nil,
      augmentation.randAugmentOperations != nil
    {
      throw ValidationError("--rand-augment-operations needs a strength: --rand-augment N.")
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
    guard let folder else { return }
    if let preview { return try write(preview, of: folder) }
    guard let output else { return }
    if headOnly {
      return try HeadTraining(
        folder: folder, output: output, network: network,
        batch: training.batch ?? network.batch(nil), includesHidden: hidden, onError: onError
      ).run(format)
    }
    try OutputFile.check(output, is: [.safetensors])
    let start = try start(output)
    let options = options(start)
    let display = TrainingDisplay(onError)
    defer { ProgressLine.erase() }
    let trainer = try Trainer(
      start, folder: folder, output: output, options, receive: display.receive)
    if saving.time != nil {
      ProgressLine.erase()
      let chosen = Self.chosen(trainer.plan.configuration, since: options.configuration)
      Diagnostics.log("planned for the time: \(chosen)")
    }
    var facts: JSON.Object = [:]
    if case .weights(let loaded) = start { facts = loaded.facts }
    try run(trainer, display, facts)
  }

  private func run(resuming path: String) throws {
    let display = TrainingDisplay(onError)
    defer { ProgressLine.erase() }
    let trainer = try Trainer(
      resuming: path, options, configure: { apply(to: &$0) }, receive: display.receive)
    try run(trainer, display)
  }

  private func run(
    _ trainer: Trainer, _ display: TrainingDisplay, _ facts: JSON.Object = [:]
  ) throws {
    try Diagnostics.warnIfEmulated(trainer.plan.configuration.precision)
    try display.receive(.planned(trainer.plan))
    // An interrupt takes effect after the step, when the state is saved.
    let (outcome, written) = try Interrupts.deferred { () throws in
      let outcome: Trainer.Outcome
      do {
        outcome = try trainer.run(
          receive: display.receive, shouldStop: { Interrupts.isWaiting })
      } catch {
        ReportFiles.writeIfPossible(trainer, display.bestValidation, after: error)
        throw error
      }
      ProgressLine.erase()
      switch outcome {
      case .stopped:
        Diagnostics.log(
          "stopped and saved; to continue: cnnzoo train --resume \(trainer.plan.runFolder)")
        ReportFiles.writeIfPossible(trainer, display.bestValidation)
        return (outcome, Result<Void, any Error>.success(()))
      case .finished(let result):
        return (outcome, Result { try ReportFiles.write(trainer, result) })
      }
    }
    guard case .finished(let result) = outcome else { return }
    try TrainReport(trainer, display.epochs, result, weights: facts).report.write(as: format.format)
    // Without room for the report, the result still counts.
    try written.get()
    try display.finish()
  }

  /// Writes a preview, and names images that cannot be read.
  private func write(_ preview: String, of folder: String) throws {
    try OutputFile.check(preview, is: [.svg])
    let start = try start(nil)
    let options = options(start)
    let found = try TrainingPreview(start, folder: folder, options)
    for failure in found.failures {
      Diagnostics.warn(Diagnostics.message(of: failure))
    }
    try OutputFile.write(Array(PreviewPlot(found).document().utf8), to: preview)
  }

  private func start(_ output: String?) throws -> TrainingStart {
    guard fromScratch, let name = network.model else {
      let loaded = try network.network(inputIsTaken: false)
      Diagnostics.warn(loaded.warnings + loaded.trainingWarnings)
      if let output {
        try OutputFile.check(output, is: [.safetensors], replacesNone: [loaded.file.path])
      }
      return .weights(loaded)
    }
    let model = try ModelCatalog.model(named: name)
    var configuration = model.defaultConfiguration
    configuration.padding = network.preprocessing.padding ?? configuration.padding
    widths.apply(to: &configuration)
    return .random(model, configuration: configuration)
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

  /// The options of a new run.
  private func options(_ start: TrainingStart) -> Trainer.Options {
    var options = options
    options.configuration = defaults(start)
    apply(to: &options.configuration, usesPresetSize: fromScratch)
    options.includesHidden = hidden
    options.timeLimit = saving.time.map { time in
      TimeLimit(
        seconds: time.seconds, choosesSize: training.imageSize == nil,
        choosesEpochs: training.epochs == nil, choosesFrozenStages: training.freeze == nil)
    }
    return options
  }

  private var options: Trainer.Options {
    var options = Trainer.Options()
    options.threads = network.threadCount
    options.decoding = network.decoding
    options.command = ["cnnzoo"] + CommandLine.arguments.dropFirst()
    saving.apply(to: &options)
    return options
  }
}
