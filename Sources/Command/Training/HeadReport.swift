import CNNZoo
import Host

/// How well a trained head does on held-out images.
struct HeadReport {
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
      "accuracy": .number(head.heldOut.accuracy),
      "mean_confidence": .number(head.heldOut.meanConfidence),
      "log_loss": .number(head.heldOut.logLoss),
      "penalty": .number(head.penalty), "temperature": .number(head.temperature),
      "evaluations": .array(evaluations.map { .object($0.summary) }),
    ] + head.network.facts
  }

  private var classes: [JSON.Object] {
    zip(head.labels.names, confusion).enumerated().map { index, row in
      [
        "class": .string(row.0), "class_images": .integer(row.1.reduce(0, +)),
        "class_correct": .integer(row.1[index]), "answers": .array(row.1.map(JSON.integer)),
      ]
    }
  }

  private var mistakes: [JSON.Object] {
    head.heldOut.mistakes.map { image in
      let sample = head.heldOut.samples[image]
      return [
        "input": .string(names[image]), "class": .string(head.labels[sample.truth]),
        "answer": .string(head.labels[sample.answer]), "probability": .number(sample.confidence),
      ]
    }
  }

  /// The number of images of each class with each answer.
  private var confusion: [[Int]] {
    let counts = head.heldOut.confusion
    let classes = head.labels.names.indices
    return classes.map { truth in classes.map { counts[truth]?[$0] ?? 0 } }
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
    for (index, row) in confusion.enumerated() {
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
        + " \(NumberText.fixed(100 * head.heldOut.accuracy, 1)) %; mean confidence"
        + " \(NumberText.fixed(100 * head.heldOut.meanConfidence, 1)) %, log loss"
        + " \(NumberText.fixed(head.heldOut.logLoss, 3))",
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
    let wrong = head.heldOut.mistakes
    for image in wrong.prefix(Self.mostNotes) {
      let sample = head.heldOut.samples[image]
      notes.append(
        "  \(names[image]) classified as \(head.labels[sample.answer])"
          + " (\(NumberText.fixed(100 * sample.confidence, 0)) %)")
    }
    if wrong.count > Self.mostNotes {
      notes.append("  and \(wrong.count - Self.mostNotes) more; --format json lists them all")
    }
    for evaluation in evaluations { notes += evaluation.figures }
    return notes
  }

  private func share(_ part: Int, of whole: Int) -> Double { Double(part) / Double(whole) }
}
