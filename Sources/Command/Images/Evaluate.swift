import ArgumentParser
import CNNZoo
import Host

struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measure a network's accuracy on labelled images.",
    discussion: """
      Each folder in FOLDER contains the images of one class and is named after its label, its \
      WordNet id (n01440764) or its class index. If FOLDER is divided into train, val (or valid, \
      validation) and test, the validation images are used; --split selects another part.

      The report includes top-1 accuracy with a 95 % Wilson interval, top-5 accuracy, log loss, \
      expected calibration error (15 bins), results per class, and the mistakes.
      """)

  @Argument(help: "A folder with one folder per class.", completion: .directory)
  var folder: String

  @OptionGroup var network: NetworkOptions

  @OptionGroup var decoding: DecodingModeOption

  @Option(help: "Dataset split to use (default: val).")
  var split: DatasetSplit?

  @Option(
    help: "Batch size (default: chosen from the thread count).", transform: Count.parse)
  var batch: Count?

  @Flag(help: "Include hidden files and folders.")
  var hidden = false

  @Option(help: "How to handle images that fail; they are not counted.")
  var onError = FailurePolicy.report

  @Option(help: "Class names: a file with one per line, or JSON.", completion: .file())
  var labels: String?

  @Option(help: "Plot the confusion matrix as an SVG file.", completion: .file(extensions: ["svg"]))
  var plot: String?

  @OptionGroup var format: FormatOption

  func validate() throws { try rejectFolderURL(folder) }

  func run() throws {
    let dataset = try Dataset(FilePath.paths(of: [folder])[0], includesHidden: hidden)
    let split = split ?? (dataset.splits.isEmpty ? nil : .val)
    let folders = try dataset.classes(of: split)
    guard !folders.names.isEmpty else {
      throw ImageError.unreadable(source: folder, reason: "contains no class folders")
    }
    if let plot { try OutputFile.check(plot, is: [.svg]) }
    var options = try network.classifierOptions(batch: network.batch(batch), labels: labels)
    options.decoding.mode = decoding.decode
    let classifier = try Classifier(network.network(inputIsTaken: false), options: options)
    Diagnostics.warn(classifier.warnings)
    try Diagnostics.warnIfEmulated(classifier.precision)
    let tally = InputTally(policy: onError, folders: folders.paths, includesHidden: hidden)
    let report = try EvaluationReport(
      classifier, on: folders, split: split, includesHidden: hidden, tally: tally,
      facts: decoding.facts)
    if report.isEmpty {
      try tally.finish(skipped: report.skipped)
      throw ExitStatus.nothingDone
    }
    if let plot { try OutputFile.write(Array(report.plot.utf8), to: plot) }
    try report.report.write(as: format.format)
    try tally.finish(skipped: report.skipped)
  }
}

extension DatasetSplit: ExpressibleByArgument {}

extension ClassNameError: StatusCarrying {
  var status: ExitStatus { .usage }
}
