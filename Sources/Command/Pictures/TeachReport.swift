import CNNZoo

/// What a network learnt, and how well it does on pictures that were held out.
struct TeachReport {
  private let taught: TaughtNetwork
  private let names: [String]
  private let output: String
  private let failures: Int

  /// The most classes that have a column of their own in tables.
  private static let mostColumns = 12
  /// The most mistakes that are listed to people.
  private static let mostNotes = 10

  /// - Parameter names: The pictures', in the order in which they were shown.
  init(_ taught: TaughtNetwork, names: [String], output: String, failures: Int) {
    (self.taught, self.names, self.output, self.failures) = (taught, names, output, failures)
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
      "output": .string(output), "model": .string(taught.network.model.name),
      "pictures": .integer(names.count), "failed": .integer(failures),
      "validation": .string("leave-one-out"), "correct": .integer(taught.correct),
      "accuracy": .number(share(taught.correct, of: names.count)),
      "mean_confidence": .number(taught.confidence), "log_loss": .number(taught.heldOutLogLoss),
      "penalty": .number(taught.penalty), "sharpness": .number(taught.sharpness),
    ]
  }

  private var classes: [JSON.Object] {
    zip(taught.labels.names, taught.confusion).enumerated().map { index, row in
      [
        "class": .string(row.0), "class_pictures": .integer(row.1.reduce(0, +)),
        "class_correct": .integer(row.1[index]), "answers": .array(row.1.map(JSON.integer)),
      ]
    }
  }

  private var mistakes: [JSON.Object] {
    wrong.map { picture in
      let answer = taught.heldOut[picture]
      return [
        "input": .string(names[picture]), "class": .string(taught.labels[taught.classes[picture]]),
        "answer": .string(answer.label), "probability": .number(answer.probability),
      ]
    }
  }

  /// Pictures whose held-out answer is not their class, the surest first.
  private var wrong: [Int] {
    names.indices.filter { taught.heldOut[$0].index != taught.classes[$0] }
      .sorted {
        (taught.heldOut[$1].probability, $0) < (taught.heldOut[$0].probability, $1)
      }
  }

  /// A row for each class: what its pictures were taken for.
  private var table: Table {
    let labels = taught.labels.names
    let showsAll = labels.count <= Self.mostColumns
    var table = Table(
      [.text("class"), .number("pictures"), .number("correct"), .number("recall")]
        + (showsAll ? labels.map { .number("as \($0.terminalSafe())") } : [.text("taken_for")]))
    for (index, row) in taught.confusion.enumerated() {
      let count = row.reduce(0, +)
      table.rows.append(
        [
          .text(labels[index]), .integer(count), .integer(row[index]),
          .number(share(row[index], of: count), decimals: 4),
        ] + (showsAll ? row.map(Table.Cell.integer) : [.text(Self.others(row, index, labels))]))
    }
    return table
  }

  /// `dog 3, cat 1`: what pictures of a class were taken for instead.
  private static func others(_ row: [Int], _ own: Int, _ labels: [String]) -> String {
    row.indices.filter { $0 != own && row[$0] > 0 }
      .sorted { (row[$1], $0) < (row[$0], $1) }
      .prefix(5).map { "\(labels[$0]) \(row[$0])" }.joined(separator: ", ")
  }

  private var notes: [String] {
    let count = names.count
    var notes = [
      "\(output): \(taught.labels.count) classes from \(count) pictures"
        + (failures > 0 ? "; \(failures) more could not be read" : ""),
      "Leave-one-out: \(taught.correct) of \(count) right,"
        + " \(NumberText.fixed(100 * share(taught.correct, of: count), 1)) %; mean confidence"
        + " \(NumberText.fixed(100 * taught.confidence, 1)) %, log loss"
        + " \(NumberText.fixed(taught.heldOutLogLoss, 3))",
    ]
    for picture in wrong.prefix(Self.mostNotes) {
      let answer = taught.heldOut[picture]
      notes.append(
        "  \(names[picture]) was taken for \(answer.label)"
          + " (\(NumberText.fixed(100 * answer.probability, 0)) %)")
    }
    if wrong.count > Self.mostNotes {
      notes.append("  and \(wrong.count - Self.mostNotes) more; --format json lists them all")
    }
    return notes
  }

  private func share(_ part: Int, of whole: Int) -> Double { Double(part) / Double(whole) }
}
