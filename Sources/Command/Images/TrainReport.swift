import CNNZoo

/// What a network learnt, and how well it does on images that were held out.
struct TrainReport {
  private let trained: TrainedHead
  private let names: [String]
  private let output: String
  private let failures: Int

  /// The most classes that have a column of their own in tables.
  private static let mostColumns = 12
  /// The most mistakes that are listed to people.
  private static let mostNotes = 10

  /// - Parameter names: The images', in the order in which they were shown.
  init(_ trained: TrainedHead, names: [String], output: String, failures: Int) {
    (self.trained, self.names, self.output, self.failures) = (trained, names, output, failures)
  }

  var report: Report {
    Report(
      document: facts + [
        "classes": .array(classes.map(JSON.object)), "mistakes": .array(mistakes.map(JSON.object)),
      ],
      records: classes.map { facts + $0 }, table: table, notes: notes)
  }

  private var facts: JSON.Object {
    [
      "output": .string(output), "model": .string(trained.network.model.name),
      "images": .integer(names.count), "failed": .integer(failures),
      "validation": .string("leave-one-out"), "correct": .integer(trained.correct),
      "accuracy": .number(share(trained.correct, of: names.count)),
      "mean_confidence": .number(trained.confidence), "log_loss": .number(trained.heldOutLogLoss),
      "penalty": .number(trained.penalty), "temperature": .number(trained.temperature),
    ]
  }

  private var classes: [JSON.Object] {
    zip(trained.labels.names, trained.confusion).enumerated().map { index, row in
      [
        "class": .string(row.0), "class_images": .integer(row.1.reduce(0, +)),
        "class_correct": .integer(row.1[index]), "answers": .array(row.1.map(JSON.integer)),
      ]
    }
  }

  private var mistakes: [JSON.Object] {
    wrong.map { image in
      let answer = trained.heldOut[image]
      return [
        "input": .string(names[image]), "class": .string(trained.labels[trained.classes[image]]),
        "answer": .string(answer.label), "probability": .number(answer.probability),
      ]
    }
  }

  /// Images whose held-out answer is not their class, the surest first.
  private var wrong: [Int] {
    names.indices.filter { trained.heldOut[$0].index != trained.classes[$0] }
      .sorted {
        (trained.heldOut[$1].probability, $0) < (trained.heldOut[$0].probability, $1)
      }
  }

  /// A row for each class: what its images were taken for.
  private var table: Table {
    let labels = trained.labels.names
    let showsAll = labels.count <= Self.mostColumns
    var table = Table(
      [.text("class"), .number("images"), .number("correct"), .number("recall")]
        + (showsAll ? labels.map { .number("as \($0.terminalSafe())") } : [.text("taken_for")]))
    for (index, row) in trained.confusion.enumerated() {
      let count = row.reduce(0, +)
      table.rows.append(
        [
          .text(labels[index]), .integer(count), .integer(row[index]),
          .number(share(row[index], of: count), decimals: 4),
        ] + (showsAll ? row.map(Table.Cell.integer) : [.text(Self.others(row, index, labels))]))
    }
    return table
  }

  /// `dog 3, cat 1`: what images of a class were taken for instead.
  private static func others(_ row: [Int], _ own: Int, _ labels: [String]) -> String {
    row.indices.filter { $0 != own && row[$0] > 0 }
      .sorted { (row[$1], $0) < (row[$0], $1) }
      .prefix(5).map { "\(labels[$0]) \(row[$0])" }.joined(separator: ", ")
  }

  private var notes: [String] {
    let count = names.count
    var notes = [
      "\(output): \(trained.labels.count) classes from \(count) images"
        + (failures > 0 ? "; \(failures) more could not be read" : ""),
      "Leave-one-out: \(trained.correct) of \(count) right,"
        + " \(NumberText.fixed(100 * share(trained.correct, of: count), 1)) %; mean confidence"
        + " \(NumberText.fixed(100 * trained.confidence, 1)) %, log loss"
        + " \(NumberText.fixed(trained.heldOutLogLoss, 3))",
    ]
    for image in wrong.prefix(Self.mostNotes) {
      let answer = trained.heldOut[image]
      notes.append(
        "  \(names[image]) was taken for \(answer.label)"
          + " (\(NumberText.fixed(100 * answer.probability, 0)) %)")
    }
    if wrong.count > Self.mostNotes {
      notes.append("  and \(wrong.count - Self.mostNotes) more; --format json lists them all")
    }
    return notes
  }

  private func share(_ part: Int, of whole: Int) -> Double { Double(part) / Double(whole) }
}
