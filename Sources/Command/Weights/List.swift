import ArgumentParser
import CNNZoo

struct List: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the weights in the cache.",
    discussion: "`cnnzoo path` names its folder.")

  @OptionGroup var format: FormatOption

  func run() throws {
    let entries = try WeightCache.standard().entries().map(Listed.init)
    try Report(
      document: ["weights": .array(entries.map { .object($0.json) })],
      records: entries.map(\.json),
      table: Table(
        [.text("file"), .text("model"), .number("bytes"), .text("source")],
        rows: entries.map(\.row))
    ).write(as: format.format)
  }
}

/// A file of the cache with what it says about itself.
private struct Listed {
  let entry: WeightCache.Entry
  let model: String?
  let source: String?

  init(_ entry: WeightCache.Entry) {
    self.entry = entry
    let metadata = (try? WeightFile(path: entry.path))?.metadata ?? [:]
    model = metadata[WeightFacts.Key.model.rawValue]
    source = metadata[WeightFacts.Key.source.rawValue]
  }

  var json: JSON.Object {
    [
      "name": .string(entry.name), "path": .string(entry.path), "model": .optional(model),
      "bytes": .integer(entry.byteCount), "source": .optional(source),
    ]
  }

  var row: [Table.Cell] {
    [
      .text(entry.name), .text(model ?? "–"), .integer(entry.byteCount), .text(source ?? "–"),
    ]
  }
}
