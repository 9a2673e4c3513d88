import ArgumentParser
import CNNZoo

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List the networks.",
    discussion: "Parameters and MACs are those of the published form.")

  @OptionGroup var format: FormatOption

  func run() throws {
    let search = WeightSearch.standard()
    let entries = try ModelCatalog.models.map { model throws in
      Entry(model: model, graph: try model.graph(), weights: try? search.weights(of: model))
    }
    try Report(
      document: ["models": .array(entries.map { .object($0.json) })],
      records: entries.map(\.json),
      table: Table(
        [
          .text("model"), .text("family"), .number("input"), .number("parameters"),
          .number("GMACs"), .text("weights"), .text("other names"),
        ],
        rows: entries.map(\.row))
    ).write(as: format.format)
  }

  private struct Entry {
    let model: Model
    let graph: Graph
    let weights: String?

    var json: JSON.Object {
      [
        "model": .string(model.name), "aliases": .array(model.aliases.map(JSON.string)),
        "family": .string(model.family.rawValue),
        "input_size": .integer(model.evaluationSize),
        "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
        "published": .array(model.published.map { .string($0.origin) }),
        "weights": .optional(weights),
      ]
    }

    var row: [Table.Cell] {
      [
        .text(model.name), .text(model.family.rawValue), .integer(model.evaluationSize),
        .integer(graph.parameterCount), .number(Double(graph.macs) / 1e9, decimals: 3),
        weights.map(Table.Cell.text) ?? .text("–"),
        .text(model.aliases.joined(separator: " ")),
      ]
    }
  }
}
