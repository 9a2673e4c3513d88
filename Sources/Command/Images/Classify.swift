import ArgumentParser
import CNNZoo

extension OutputActivation: ExpressibleByArgument {}

struct Classify: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Classify images.",
    discussion: """
      Images are JPEG, PNG, WebP, HEIC, AVIF, TIFF, GIF, BMP or PNM files, recognised by their first \
      bytes. A folder means all images in it and its subfolders; - reads one image from standard \
      input.
      """)

  @Argument(help: "Files, folders, or -.", completion: .file())
  var inputs: [String] = []

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(name: [.customShort("k"), .long], help: "Number of classes to list; 0 for all.")
  var topK = 5

  @Option(help: "List only classes with at least this probability.")
  var minProb: Double?

  @Option(
    help: ArgumentHelp(
      "Output activation: softmax, sigmoid (multi-label) or none (logits). Defaults to the weights'"
        + " metadata, else softmax, or sigmoid for a single output."))
  var activation: OutputActivation?

  @Option(help: "Class names: a file with one per line, or JSON.", completion: .file())
  var labels: String?

  @OptionGroup var decoding: DecodingModeOption

  @OptionGroup var format: FormatOption

  @Flag(help: "Print one line of text per image.")
  var oneline = false

  @Option(help: "When to use colours; NO_COLOR is respected.")
  var color = ColorChoice.auto

  @Flag(name: .shortAndLong, help: "Print the model, its weights and the time taken.")
  var verbose = false

  @OptionGroup var quiet: QuietOption

  func validate() throws {
    try list.validate(inputs)
    if oneline && format.format != .text {
      throw ValidationError("--oneline needs --format text.")
    }
    if topK < 0 { throw ValidationError("-k must be at least 0.") }
    if let minProb, activation == .identity ? !minProb.isFinite : !(0...1).contains(minProb) {
      throw ValidationError("--min-prob must be between 0 and 1.")
    }
  }

  func run() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let images = try list.images(inputs)
    let loadedNetwork = try network.network(inputIsTaken: list.readsStandardInput(inputs))
    let batch = network.batch(list.batch)
    var options = try network.classifierOptions(batch: batch, labels: labels)
    options.activation = activation
    options.decoding.mode = decoding.decode
    let classifier = try Classifier(loadedNetwork, options: options)
    let loaded = clock.now
    Diagnostics.warn(classifier.warnings)
    try Diagnostics.warnIfEmulated(classifier.precision)
    let tally = list.tally(inputs)
    defer { ProgressLine.erase() }
    let report = ClassifyReport(
      format: format.format, model: loadedNetwork.model.name,
      precision: classifier.precision, facts: loadedNetwork.facts + decoding.facts,
      activation: classifier.activation,
      isOneLine: oneline,
      terminal: format.format == .text ? Terminal(color) : .plain)
    try report.begin()
    do {
      try classifier.classify(images, topK: topK == 0 ? .max : topK) { answer in
        switch try tally.count(answer) {
        case .success(let predictions):
          try report.answer(
            answer.input.name, predictions.filter { $0.probability >= minProb ?? -.infinity },
            answer.warnings)
        case .failure(let failure):
          if list.onError != .skip { try report.failure(answer.input.name, failure) }
        }
      }
    } catch let status as ExitStatus {
      try report.end()
      throw status
    }
    try report.end()
    if verbose {
      log(tally, of: classifier, batch: batch, loading: loaded - start, run: clock.now - loaded)
    }
    try tally.finish(skipped: images.skipped)
  }

  private func log(
    _ tally: InputTally, of classifier: Classifier, batch: Int, loading: Duration, run: Duration
  ) {
    let loaded = classifier.network
    let seconds = run / .seconds(1)
    Diagnostics.log(
      "\(loaded.model.name), weights \(loaded.file.path.terminalSafe()), "
        + "\(NumberText.count(network.threadCount, "thread")), batch \(batch)")
    if let note = loaded.tensors.note { Diagnostics.log(note.terminalSafe()) }
    Diagnostics.log(
      "precision "
        + network.compute.explained(classifier.precision, reason: classifier.precisionReason))
    Diagnostics.log(
      "loaded in \(NumberText.fixed(loading / .milliseconds(1), 1)) ms; "
        + "\(NumberText.count(tally.count, "image")) in \(NumberText.fixed(seconds, 3)) s, "
        + "\(NumberText.fixed(Double(tally.count) / seconds, 1)) per second")
  }
}

/// Writes the answer for each image as soon as it is known.
private final class ClassifyReport {
  private let format: OutputFormat
  private let model: String
  private let precision: Precision
  private let facts: JSON.Object
  private let activation: OutputActivation
  private let terminal: Terminal
  private let isOneLine: Bool
  private var isFirst = true

  init(
    format: OutputFormat, model: String, precision: Precision, facts: JSON.Object,
    activation: OutputActivation,
    isOneLine: Bool, terminal: Terminal
  ) {
    (self.format, self.model, self.precision) = (format, model, precision)
    self.facts = facts
    self.activation = activation
    self.isOneLine = isOneLine
    self.terminal = terminal
  }

  /// The key of a class's score, which is not a probability without an activation.
  private var score: String { activation == .identity ? "logit" : "probability" }

  private var table: Table {
    Table([
      .text("input"), .number("rank"), .number("index"), .text("label"), .number(score),
      .text("error"),
    ])
  }

  /// Writes the text before the first answer.
  func begin() throws(OutputError) {
    switch format {
    case .text, .jsonl: break
    case .json:
      let members: JSON.Object = [
        "model": .string(model), "precision": .string(precision.rawValue),
      ]
      let start = "\(JSON.object(.schema + members + facts))".dropLast()
      try StandardOutput.write("\(start),\"results\":[\n")
    case .csv: try StandardOutput.write(table.csvHead)
    case .markdown: try StandardOutput.write(table.markdownHead)
    }
  }

  /// Writes the text after the last answer.
  func end() throws(OutputError) {
    if format == .json { try StandardOutput.write("]}\n") }
  }

  /// Writes the classes of an image.
  func answer(
    _ input: String, _ predictions: [Prediction], _ warnings: [ImageWarning]
  ) throws(OutputError) {
    defer { isFirst = false }
    switch format {
    case .text where isOneLine: try StandardOutput.write(line(input, predictions))
    case .text: try StandardOutput.write((isFirst ? "" : "\n") + text(input, predictions))
    case .json:
      try write(["input": .string(input), "top": json(predictions)] + warnings.json)
    case .jsonl:
      let members: JSON.Object = [
        "input": .string(input), "model": .string(model),
        "precision": .string(precision.rawValue),
      ]
      let answer: JSON.Object = ["top": json(predictions)] + warnings.json
      try StandardOutput.write("\(JSON.object(.schema + members + facts + answer))\n")
    case .csv: try StandardOutput.write(Table.csvRows(Self.rows(input, predictions)))
    case .markdown: try StandardOutput.write(Table.markdownRows(Self.rows(input, predictions)))
    }
  }

  /// Writes why an image has no answer, except in text output, where the log does.
  func failure(_ input: String, _ failure: ImageFailure) throws(OutputError) {
    let members: JSON.Object = ["input": .string(input)] + failure.json
    let row: [Table.Cell] = [.text(input), .empty, .empty, .empty, .empty, .text(failure.message)]
    switch format {
    case .text: return
    case .json: try write(members)
    case .jsonl: try StandardOutput.write("\(JSON.object(.schema + members))\n")
    case .csv: try StandardOutput.write(Table.csvRows([row]))
    case .markdown: try StandardOutput.write(Table.markdownRows([row]))
    }
    isFirst = false
  }

  /// Writes an element of the JSON array.
  ///
  /// Every write ends with a newline, because messages may come in between.
  private func write(_ element: JSON.Object) throws(OutputError) {
    try StandardOutput.write("\(isFirst ? " " : ",")\(JSON.object(element))\n")
  }

  private func json(_ predictions: some Sequence<Prediction>) -> JSON {
    .array(
      predictions.map {
        .object([
          "index": .integer($0.index), "label": .string($0.label),
          score: .number($0.probability),
        ])
      })
  }

  private static func rows(_ input: String, _ predictions: [Prediction]) -> [[Table.Cell]] {
    predictions.enumerated().map { rank, prediction in
      [
        .text(input), .integer(rank + 1), .integer(prediction.index), .text(prediction.label),
        .number(prediction.probability, decimals: 4), .empty,
      ]
    }
  }

  /// The image and its classes on one line: `cat.jpg: tiger cat 39.5 %, tabby 17.0 %`.
  private func line(_ input: String, _ predictions: [Prediction]) -> String {
    let classes = predictions.map { prediction in
      prediction.label.terminalSafe() + " "
        + terminal.styled(
          activation == .identity
            ? NumberText.fixed(prediction.probability, 4)
            : "\(NumberText.fixed(100 * prediction.probability, 1)) %", .dim)
    }
    return terminal.styled(input.terminalSafe(), .bold) + ": "
      + (classes.isEmpty ? "–" : classes.joined(separator: ", ")) + "\n"
  }

  /// The name of the image, and a line for each class: share, bar, name, index.
  private func text(_ input: String, _ predictions: [Prediction]) -> String {
    let labels = predictions.map { $0.label.terminalSafe() }
    let width = labels.map(\.count).max() ?? 0
    var text = terminal.styled(input.terminalSafe(), .bold) + "\n"
    if predictions.isEmpty { text += "   no class above the threshold\n" }
    let isProbability = activation != .identity
    for (prediction, label) in zip(predictions, labels) {
      let number =
        isProbability
        ? NumberText.fixed(100 * prediction.probability, 2) + "%"
        : NumberText.fixed(prediction.probability, 4)
      text += String(repeating: " ", count: max(0, 9 - number.count)) + "\(number)  "
      if terminal.hasBars, isProbability {
        let bar = terminal.bar(prediction.probability, width: Self.barWidth)
        text += terminal.styled(bar.text, .green)
        text += String(repeating: " ", count: bar.blanks + 2)
      }
      text += label + String(repeating: " ", count: width - label.count)
      text += terminal.styled("  (\(prediction.index))", .dim) + "\n"
    }
    return text
  }

  private static let barWidth = 20
}
