import CNNZoo

/// The results of a classifier on a dataset, in every output format.
struct EvaluationReport {
  private let classifier: Classifier
  /// The dataset's folders, and the class of each.
  private let folders: [(name: String, index: Int)]
  private let split: DatasetSplit?
  private let evaluation: Evaluation
  /// The images in the order of `evaluation.samples`.
  private let names: [String]
  private let failures: Int
  /// Files that were skipped because they are not images.
  let skipped: Int

  /// Tables have a column per class up to this many classes.
  private static let mostColumns = 12
  /// Text output lists up to this many mistakes.
  private static let mostMistakes = 10

  /// Evaluates `classifier` on the images of `classes`.
  ///
  /// - Throws: `ClassNameError` if a folder is not a class of the classifier, the exit status if the
  ///   tally's policy ends the command.
  init(
    _ classifier: Classifier, on classes: ClassFolders, split: DatasetSplit?, includesHidden: Bool,
    tally: InputTally, facts: JSON.Object = [:]
  ) throws {
    self.classifier = classifier
    self.facts = facts
    self.split = split
    let indices = try ClassNames(classifier.labels).classes(ofFolders: classes.names)
    folders = zip(classes.names, indices).map { ($0, $1) }
    var evaluation = Evaluation(classCount: classifier.labels.count)
    var names: [String] = []
    defer { ProgressLine.erase() }
    let earlierFailures = tally.failures.count
    for error in classes.unreadable { try tally.fail(ImageFailure(error, of: "")) }
    let images = ImageInputs(
      arguments: classes.paths, list: nil, includesHidden: includesHidden)
    // Images come folder by folder.
    let prefixes = classes.paths.map { $0.shown + "/" }
    var folder = 0
    try classifier.classify(images, topK: .max) { answer in
      guard case .success(let ranking) = try tally.count(answer) else { return }
      while !answer.input.name.hasPrefix(prefixes[folder]) { folder += 1 }
      evaluation.add(
        truth: indices[folder], ranking: ranking.map { ($0.index, $0.probability) })
      names.append(answer.input.name)
    }
    (self.evaluation, self.names) = (evaluation, names)
    failures = tally.failures.count - earlierFailures
    skipped = classes.skipped + images.skipped
  }

  /// Whether no image was evaluated.
  var isEmpty: Bool { evaluation.count == 0 }

  var report: Report {
    Report(
      document: summary + [
        "calibration": .array(calibration.map(JSON.object)),
        "classes": .array(classes.map(JSON.object)), "mistakes": .array(mistakes.map(JSON.object)),
      ],
      records: classes.map { summary + $0 }, table: table, notes: notes)
  }

  /// The confusion matrix as an SVG file.
  var plot: String {
    let interval = evaluation.accuracyInterval
    let confusion = evaluation.confusion
    return ConfusionPlot(
      classes: folders.map { ($0.name, confusion[$0.index] ?? [:], $0.index) }
    ).document(
      subtitle: "\(classifier.network.model.name): \(percent(evaluation.accuracy)) of"
        + " \(NumberText.count(evaluation.count, "image")) correct"
        + " (95 % interval \(percent(interval.lowerBound)) to \(percent(interval.upperBound)))")
  }

  /// What distinguishes this run besides the network and the images.
  private let facts: JSON.Object

  /// The overall figures, without those of single classes and images.
  var summary: JSON.Object {
    let interval = evaluation.accuracyInterval
    return [
      "model": .string(classifier.network.model.name),
      "precision": .string(classifier.precision.rawValue),
      "weights": .string(classifier.network.file.path),
      "split": .optional(split?.rawValue), "images": .integer(evaluation.count),
      "failed": .integer(failures), "top1": .number(evaluation.accuracy),
      "top1_interval": .array([.number(interval.lowerBound), .number(interval.upperBound)]),
      "top5": .number(evaluation.top5Accuracy),
      "balanced_accuracy": .number(evaluation.balancedAccuracy),
      "log_loss": .number(evaluation.logLoss),
      "calibration_error": .number(evaluation.calibrationError),
      "mean_confidence": .number(evaluation.meanConfidence),
    ] + classifier.network.facts + facts
  }

  private var calibration: [JSON.Object] {
    evaluation.calibration.enumerated().map { index, bin in
      let bins = Double(evaluation.calibration.count)
      return [
        "from": .number(Double(index) / bins), "to": .number(Double(index + 1) / bins),
        "images": .integer(bin.count), "accuracy": .number(bin.accuracy),
        "mean_confidence": .number(bin.meanConfidence),
      ]
    }
  }

  private var classes: [JSON.Object] {
    let confusion = evaluation.confusion
    let results = results
    return folders.map { name, index in
      let result = results[index] ?? .none(index)
      let answers = (confusion[index] ?? [:]).sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      return [
        "class": .string(classifier.labels[index]), "index": .integer(index),
        "folder": .string(name), "class_images": .integer(result.count),
        "class_correct": .integer(result.correct),
        "class_correct_top5": .integer(result.correctInTop5), "recall": .number(result.recall),
        "class_precision": .number(result.precision),
        "answers": .array(
          answers.map { answer in
            .object([
              "index": .integer(answer.key), "label": .string(classifier.labels[answer.key]),
              "images": .integer(answer.value),
            ])
          }),
      ]
    }
  }

  private var mistakes: [JSON.Object] {
    evaluation.mistakes.map { image in
      let sample = evaluation.samples[image]
      return [
        "input": .string(names[image]), "class": .string(classifier.labels[sample.truth]),
        "answer": .string(classifier.labels[sample.answer]),
        "probability": .number(sample.confidence),
        "class_probability": .number(sample.truthProbability),
        "class_rank": sample.truthRank.map { .integer($0 + 1) } ?? .null,
      ]
    }
  }

  /// A row for each class, with its row of the confusion matrix.
  private var table: Table {
    let confusion = evaluation.confusion
    let results = results
    let showsAll = folders.count <= Self.mostColumns
    let columns: [Table.Column] =
      showsAll
      ? (folders.map(\.name) + ["others"]).map { .number("as \($0.terminalSafe())").optional(0) }
      : [.text("confused_with").shortened]
    var table = Table(
      [
        .text("class").shortened, .number("images"), .number("correct"),
        .number("top5").optional(1), .number("recall").optional(2),
        .number("precision").optional(1),
      ] + columns)
    let known = Set(folders.map(\.index))
    for (name, index) in folders {
      let result = results[index] ?? .none(index)
      let row = confusion[index] ?? [:]
      var cells: [Table.Cell] = [
        .text(name), .integer(result.count), .integer(result.correct),
        .integer(result.correctInTop5), .number(result.recall, decimals: 4),
        .number(result.precision, decimals: 4),
      ]
      if showsAll {
        let others = row.filter { !known.contains($0.key) }.values.reduce(0, +)
        cells += folders.map { .integer(row[$0.index] ?? 0) } + [.integer(others)]
      } else {
        cells.append(.text(mostFrequent(row, except: index)))
      }
      table.rows.append(cells)
    }
    return table
  }

  /// `dog 3, cat 1`: the most frequent wrong answers for a class.
  private func mostFrequent(_ row: [Int: Int], except own: Int) -> String {
    row.filter { $0.key != own }.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
      .prefix(3).map { "\(classifier.labels[$0.key]) \($0.value)" }.joined(separator: ", ")
  }

  /// The most important figures, for text output.
  var figures: [String] {
    guard !isEmpty else { return ["No images in the \(split?.rawValue ?? "dataset") split"] }
    let interval = evaluation.accuracyInterval
    return [
      "\(classifier.network.model.name) on \(NumberText.count(evaluation.count, "image")) of"
        + " \(NumberText.count(folders.count, "class", plural: "classes"))"
        + (split.map { ", \($0.rawValue) split" } ?? "")
        + (failures > 0 ? "; \(NumberText.count(failures, "image")) failed" : ""),
      "Top-1 \(percent(evaluation.accuracy)) (95 % interval \(percent(interval.lowerBound)) to"
        + " \(percent(interval.upperBound))), top-5 \(percent(evaluation.top5Accuracy))",
      "Log loss \(NumberText.fixed(evaluation.logLoss, 4)), calibration error"
        + " \(percent(evaluation.calibrationError)), mean confidence"
        + " \(percent(evaluation.meanConfidence))",
    ]
  }

  private var notes: [String] {
    var notes = figures
    let mistakes = evaluation.mistakes
    if !mistakes.isEmpty { notes.append("Most confident mistakes:") }
    for image in mistakes.prefix(Self.mostMistakes) {
      let sample = evaluation.samples[image]
      notes.append(
        "  \(names[image]): \(classifier.labels[sample.answer])"
          + " (\(NumberText.fixed(100 * sample.confidence, 0)) %)")
    }
    if mistakes.count > Self.mostMistakes {
      notes.append(
        "  and \(NumberText.grouped(mistakes.count - Self.mostMistakes)) more;"
          + " --format json lists them all")
    }
    return notes
  }

  private var results: [Int: Evaluation.ClassResult] {
    Dictionary(uniqueKeysWithValues: evaluation.classResults.map { ($0.index, $0) })
  }

  private func percent(_ share: Double) -> String { "\(NumberText.fixed(100 * share, 1)) %" }
}

extension Evaluation.ClassResult {
  /// The result of a class without images or answers.
  fileprivate static func none(_ index: Int) -> Self {
    Self(index: index, count: 0, correct: 0, correctInTop5: 0, answered: 0)
  }
}
