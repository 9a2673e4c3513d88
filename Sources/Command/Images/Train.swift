import ArgumentParser
import CNNZoo
import Host

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on your own classes.",
    discussion: """
      Each folder in FOLDER is a class: its name is the class name, and it contains the images. \
      If FOLDER is divided into train, val (or valid, validation) and test, the head is fitted to \
      train and evaluated on the others. --head-only replaces the network's last layer with one \
      fitted in closed form (ridge regression on the layer's input) and keeps the rest. OUTPUT is \
      an ordinary weight file that includes the class names; use it with `cnnzoo classify \
      --weights OUTPUT`.

      The report is leave-one-out: each image is classified by a head fitted to all others. Exact \
      and near copies of an image are left out together; copies in different classes are listed. \
      The results are exact for the chosen penalty, but the penalty and the temperature are chosen \
      using all images.
      """)

  @Argument(help: "A folder with one folder per class.", completion: .directory)
  var folder: String

  @Flag(help: "Fit a new classifier in closed form, on top of the unchanged network.")
  var headOnly = false

  @OptionGroup var network: NetworkOptions

  @Option(
    help: "Batch size (default: chosen from the thread count).", transform: Count.parse)
  var batch: Count?

  @Flag(help: "Include hidden files and folders.")
  var hidden = false

  @Option(help: "How to handle images that fail; they are not used.")
  var onError = FailurePolicy.report

  @Option(
    name: .shortAndLong, help: "Output safetensors file; an existing file is replaced.")
  var output: String

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  func validate() throws { try rejectFolderURL(folder) }

  func run() throws {
    guard headOnly else {
      throw UsageError(
        "training the whole network is not available yet; --head-only fits a new classifier to your"
          + " images and keeps the rest of the network")
    }
    try OutputFile.check(output, is: [.safetensors])
    let dataset = try Dataset(FilePath.paths(of: [folder])[0], includesHidden: hidden)
    let folders = try dataset.classes(of: dataset.splits.isEmpty ? nil : .train)
    let loaded = try network.network(inputIsTaken: false)
    Diagnostics.warn(loaded.warnings)
    try OutputFile.check(output, is: [.safetensors], replacesNone: [loaded.file.path])
    let trainer = try HeadTrainer(
      loaded, classes: folders.names,
      options: network.embedderOptions(batch: network.batch(batch)))
    try Diagnostics.warnIfEmulated(trainer.embedder.precision)
    let heldOut = try dataset.splits.filter { $0 != .train }.map { split in
      (split: split, folders: try dataset.classes(of: split))
    }
    for (_, folders) in heldOut {
      _ = try ClassNames(trainer.labels).classes(ofFolders: folders.names)
    }
    var names: [String] = []
    var skipped = folders.skipped
    let tally = InputTally(
      policy: onError, folders: folders.paths + heldOut.flatMap(\.folders.paths),
      includesHidden: hidden)
    defer { ProgressLine.erase() }
    for error in folders.unreadable { try tally.fail(ImageFailure(error, of: folder)) }
    for (index, path) in folders.paths.enumerated() {
      let images = ImageInputs(arguments: [path], list: nil, includesHidden: hidden)
      try trainer.add(images, class: index) { answer in
        if case .success = try tally.count(answer) { names.append(answer.input.name) }
      }
      skipped += images.skipped
    }
    let failures = tally.failures.count
    let head = try trainer.train()
    try Interrupts.deferred { () throws in try head.write(to: output) }
    var options = try network.classifierOptions(batch: network.batch(batch), labels: nil)
    // `auto` has no record for the new file.
    options.precision = PrecisionChoice(head.precision)
    let evaluations = try heldOut.map { split, folders in
      try EvaluationReport(
        Classifier(model: loaded.model, weights: output, options: options),
        on: folders, split: split, includesHidden: hidden, tally: tally)
    }
    try TrainReport(
      head, names: names, output: output, failures: failures, evaluations: evaluations
    ).report.write(as: format.format)
    try tally.finish(skipped: evaluations.reduce(skipped) { $0 + $1.skipped })
  }
}

/// How well a trained head does on held-out images.
private struct TrainReport {
  private let head: TrainedHead
  private let names: [String]
  private let output: String
  private let failures: Int
  private let evaluations: [EvaluationReport]

  /// Tables have a column per class up to this many classes.
  private static let mostColumns = 12
  /// Text output lists up to this many mistakes.
  private static let mostNotes = 10

  /// - Parameters:
  ///   - names: The names of the images, in the order in which they were added.
  ///   - evaluations: The results on the dataset's other splits.
  init(
    _ head: TrainedHead, names: [String], output: String, failures: Int,
    evaluations: [EvaluationReport]
  ) {
    (self.head, self.names, self.output, self.failures) = (head, names, output, failures)
    self.evaluations = evaluations
  }

  var report: Report {
    Report(
      document: facts + [
        "classes": .array(classes.map(JSON.object)), "mistakes": .array(mistakes.map(JSON.object)),
        "duplicates": .array(head.duplicates.map { .object($0.json(names)) }),
        "conflicts": .array(head.conflicts.map { .object($0.json(names)) }),
      ],
      records: classes.map { facts + $0 }, table: table, notes: notes)
  }

  private var facts: JSON.Object {
    [
      "output": .string(output), "model": .string(head.network.model.name),
      "precision": .string(head.precision.rawValue), "images": .integer(names.count),
      "failed": .integer(failures),
      "validation": .string(head.duplicates.isEmpty ? "leave-one-out" : "leave-group-out"),
      "correct": .integer(head.correct),
      "accuracy": .number(share(head.correct, of: names.count)),
      "mean_confidence": .number(head.confidence), "log_loss": .number(head.heldOutLogLoss),
      "penalty": .number(head.penalty), "temperature": .number(head.temperature),
      "evaluations": .array(evaluations.map { .object($0.summary) }),
    ]
  }

  private var classes: [JSON.Object] {
    zip(head.labels.names, head.confusion).enumerated().map { index, row in
      [
        "class": .string(row.0), "class_images": .integer(row.1.reduce(0, +)),
        "class_correct": .integer(row.1[index]), "answers": .array(row.1.map(JSON.integer)),
      ]
    }
  }

  private var mistakes: [JSON.Object] {
    wrong.map { image in
      let answer = head.heldOut[image]
      return [
        "input": .string(names[image]), "class": .string(head.labels[head.classes[image]]),
        "answer": .string(answer.label), "probability": .number(answer.probability),
      ]
    }
  }

  /// Images with a wrong held-out answer, the most confident first.
  private var wrong: [Int] {
    names.indices.filter { head.heldOut[$0].index != head.classes[$0] }
      .sorted {
        (head.heldOut[$1].probability, $0) < (head.heldOut[$0].probability, $1)
      }
  }

  /// One row per class: how its images were classified.
  private var table: Table {
    let labels = head.labels.names
    let showsAll = labels.count <= Self.mostColumns
    var table = Table(
      [
        .text("class").shortened, .number("images").optional(2), .number("correct").optional(1),
        .number("recall"),
      ]
        + (showsAll
          ? labels.map { .number("as \($0.terminalSafe())").optional(0) }
          : [.text("taken_for", heading: "mistaken for").shortened]))
    for (index, row) in head.confusion.enumerated() {
      let count = row.reduce(0, +)
      table.rows.append(
        [
          .text(labels[index]), .integer(count), .integer(row[index]),
          .number(share(row[index], of: count), decimals: 4),
        ] + (showsAll ? row.map(Table.Cell.integer) : [.text(Self.others(row, index, labels))]))
    }
    return table
  }

  /// `dog 3, cat 1`: the wrong predictions for a class.
  private static func others(_ row: [Int], _ own: Int, _ labels: [String]) -> String {
    row.indices.filter { $0 != own && row[$0] > 0 }
      .sorted { (row[$1], $0) < (row[$0], $1) }
      .prefix(5).map { "\(labels[$0]) \(row[$0])" }.joined(separator: ", ")
  }

  private var notes: [String] {
    let count = names.count
    var notes = [
      "\(output): \(head.labels.count) classes from \(NumberText.count(count, "image"))"
        + (failures > 0 ? "; \(failures) more could not be read" : ""),
      "Leave-one-out: \(head.correct) of \(count) correct,"
        + " \(NumberText.fixed(100 * share(head.correct, of: count), 1)) %; mean confidence"
        + " \(NumberText.fixed(100 * head.confidence, 1)) %, log loss"
        + " \(NumberText.fixed(head.heldOutLogLoss, 3))",
    ]
    if !head.duplicates.isEmpty {
      let images = head.duplicates.reduce(0) { $0 + $1.images.count }
      notes.append(
        "\(images) images are copies of each other, in \(head.duplicates.count)"
          + " \(head.duplicates.count == 1 ? "group" : "groups"); copies were left out together")
    }
    for group in head.conflicts {
      let labels = group.images.map { head.labels[head.classes[$0]] }
      notes.append(
        "  label conflict: "
          + zip(group.images, labels).map { "\(names[$0]) (\($1))" }.joined(separator: ", "))
    }
    for image in wrong.prefix(Self.mostNotes) {
      let answer = head.heldOut[image]
      notes.append(
        "  \(names[image]) classified as \(answer.label)"
          + " (\(NumberText.fixed(100 * answer.probability, 0)) %)")
    }
    if wrong.count > Self.mostNotes {
      notes.append("  and \(wrong.count - Self.mostNotes) more; --format json lists them all")
    }
    for evaluation in evaluations { notes += evaluation.figures }
    return notes
  }

  private func share(_ part: Int, of whole: Int) -> Double { Double(part) / Double(whole) }
}
