import CNNZoo

/// Writes the answer to each image as soon as it is known.
final class ClassifyReport {
  private let format: OutputFormat
  private let model: String
  private let terminal: Terminal
  private var isFirst = true
  private var hasToldOmission = false

  private static let table = Table([
    .text("input"), .number("rank"), .number("index"), .text("label"), .number("probability"),
    .text("error"),
  ])

  /// - Parameter terminal: What the readers of text can be shown.
  init(format: OutputFormat, model: String, terminal: Terminal) {
    self.format = format
    self.model = model
    self.terminal = terminal
  }

  /// What stands before the first answer.
  func begin() throws(OutputError) {
    switch format {
    case .text, .jsonl: break
    case .json:
      try StandardOutput.write("{\"schema\":1,\"model\":\(JSON.string(model)),\"results\":[\n")
    case .csv: try StandardOutput.write(Self.table.csvHead)
    case .markdown: try StandardOutput.write(Self.table.markdownHead)
    }
  }

  /// What stands after the last one.
  func end() throws(OutputError) {
    if format == .json { try StandardOutput.write("\(isFirst ? "" : "\n")]}\n") }
  }

  /// The classes seen in an image.
  func answer(_ input: String, _ predictions: [Prediction]) throws(OutputError) {
    defer { isFirst = false }
    switch format {
    case .text: try StandardOutput.write((isFirst ? "" : "\n") + text(input, predictions))
    case .json:
      let members: JSON.Object = ["input": .string(input), "top": Self.json(predictions)]
      try StandardOutput.write("\(isFirst ? "" : ",\n")\(JSON.object(members))")
    case .jsonl: try StandardOutput.write(line(input, predictions))
    case .csv: try StandardOutput.write(Self.rows(input, predictions).map(Table.csvRow).joined())
    case .markdown:
      try StandardOutput.write(Self.rows(input, predictions).map(Table.markdownRow).joined())
    }
  }

  /// Why an image has no answer; as text it is told on standard error alone.
  func failure(_ input: String, _ failure: ImageFailure) throws(OutputError) {
    let message = String(failure.message.unicodeScalars.prefix(Self.longestMessage))
    let members: JSON.Object = [
      "error": .object(["code": .string(failure.code), "message": .string(message)])
    ]
    let row: [Table.Cell] = [.text(input), .empty, .empty, .empty, .empty, .text(message)]
    switch format {
    case .text: return
    case .json:
      let record = JSON.object(["input": .string(input)] + members)
      try StandardOutput.write("\(isFirst ? "" : ",\n")\(record)")
    case .jsonl:
      let name = Self.shortened(input)
      let record = JSON.object(.schema + ["input": .string(name)] + members)
      try StandardOutput.write("\(record)\n")
    case .csv: try StandardOutput.write(Table.csvRow(row))
    case .markdown: try StandardOutput.write(Table.markdownRow(row))
    }
    isFirst = false
  }

  /// A record below 4096 bytes, which a pipe takes as a whole among other writers' records; what
  /// does not fit is left out from the end of the list, and counted.
  private func line(_ input: String, _ predictions: [Prediction]) -> String {
    func record(_ count: Int) -> String {
      var members: JSON.Object = [
        "input": .string(Self.shortened(input)), "model": .string(model),
        "top": Self.json(predictions.prefix(count)),
      ]
      if count < predictions.count {
        members.append("omitted", .integer(predictions.count - count))
      }
      return "\(JSON.object(.schema + members))\n"
    }
    let whole = record(predictions.count)
    if whole.utf8.count < Self.lineLimit { return whole }
    var (fits, tooMany) = (0, predictions.count)
    while tooMany - fits > 1 {
      let middle = (fits + tooMany) / 2
      if record(middle).utf8.count < Self.lineLimit { fits = middle } else { tooMany = middle }
    }
    if !hasToldOmission {
      hasToldOmission = true
      Diagnostics.tell(
        "a record of 4096 bytes or more lost its last classes; --format json keeps them all")
    }
    return record(fits)
  }

  private static let lineLimit = 4096
  private static let longestMessage = 300
  /// Bytes of an escaped name; with a message, or a class, it stays below the limit.
  private static let longestName = 2000

  /// The name, cut where a record could not hold it.
  private static func shortened(_ name: String) -> String {
    if JSON.string(name).description.utf8.count <= longestName { return name }
    // An escape takes at most six bytes of a scalar's.
    return String(name.unicodeScalars.prefix(longestName / 6)) + "…"
  }

  private static func json(_ predictions: some Sequence<Prediction>) -> JSON {
    .array(
      predictions.map {
        .object([
          "index": .integer($0.index), "label": .string($0.label),
          "probability": .number($0.probability),
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

  /// The name of the image, and a line for each class: share, bar, name, index.
  private func text(_ input: String, _ predictions: [Prediction]) -> String {
    let labels = predictions.map { $0.label.terminalSafe() }
    let width = labels.map(\.count).max() ?? 0
    var text = terminal.styled(input.terminalSafe(), .bold) + "\n"
    if predictions.isEmpty { text += "   no class is that probable\n" }
    for (prediction, label) in zip(predictions, labels) {
      let percent = NumberText.fixed(100 * prediction.probability, 2)
      text += String(repeating: " ", count: max(0, 8 - percent.count)) + "\(percent)%  "
      if terminal.hasBars {
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
