import ArgumentParser
import CNNZoo

struct Models: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List networks and their published weights.",
    discussion: """
      Parameters and MACs are for the class count and input size of the weights. top-1 and top-5 are \
      the published accuracy on the ImageNet-1k validation set, in percent. An eight-digit SHA-256 \
      is a prefix; the rest is not published.
      """)

  @Argument(help: "Show only this network; aliases work too.", completion: .networks)
  var model: String?

  @OptionGroup var format: FormatOption

  func run() throws {
    let search = WeightSearch.standard()
    let models = try model.map { name throws in [try ModelCatalog.model(named: name)] }
    let entries = try (models ?? ModelCatalog.models).map { model throws in
      try CatalogEntry(model, file: try? search.weights(of: model))
    }
    try Report(
      document: ["models": .array(entries.map { .object($0.json) })],
      records: entries.flatMap(\.records),
      table: Table(CatalogEntry.columns, rows: entries.flatMap(\.rows)),
      notes: entries.map { "\($0.model.name): \($0.model.aliases.joined(separator: ", "))" },
      textTables: models == nil ? nil : entries.flatMap(\.details)
    ).write(as: format.format)
  }
}

/// A network, its published weights and their costs, in every output format.
private struct CatalogEntry {
  let model: Model
  private let graph: Graph
  /// The installed weight file, if any.
  private let file: String?
  private let sets: [(weights: PublishedWeights, graph: Graph)]

  init(_ model: Model, file: String?) throws {
    self.model = model
    self.file = file
    graph = try model.graph()
    sets = try model.published.map { weights throws in
      let configuration = ModelConfiguration(
        inputSize: weights.preprocessing.crop, classes: weights.classes,
        padding: weights.padding, epsilon: weights.implementation.epsilon)
      return (weights, try model.graph(configuration))
    }
  }

  var json: JSON.Object {
    [
      "model": .string(model.name), "aliases": .array(model.aliases.map(JSON.string)),
      "family": .string(model.family.rawValue), "input_size": .integer(model.evaluationSize),
      "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
      "weights": .optional(file),
      "published": .array(sets.map { .object(Self.json($0.weights, $0.graph)) }),
    ]
  }

  var records: [JSON.Object] {
    sets.map { weights, graph in
      ["model": .string(model.name), "family": .string(model.family.rawValue)]
        + Self.json(weights, graph)
    }
  }

  private static func json(_ weights: PublishedWeights, _ graph: Graph) -> JSON.Object {
    let preprocessing = weights.preprocessing
    func channels(_ values: SIMD3<Float>) -> JSON {
      // The shortest decimal form of the Float, not that of its value as a Double.
      .array((0..<3).map { .number(Double("\(values[$0])") ?? .nan) })
    }
    return [
      "name": .string(weights.name), "origin": .string(weights.origin),
      "url": .optional(weights.url), "sha256": .optional(weights.sha256),
      "mebibytes": weights.mebibytes.map(JSON.number) ?? .null,
      "license": .string(weights.license), "classes": .integer(weights.classes),
      "top1": weights.accuracy.map { .number($0.top1) } ?? .null,
      "top5": weights.accuracy.map { .number($0.top5) } ?? .null,
      "parameters": .integer(graph.parameterCount), "macs": .integer(graph.macs),
      "padding": .string(weights.padding.rawValue),
      "epsilon": .number(weights.implementation.epsilon),
      "preprocessing": .object([
        "resize": .integer(preprocessing.resize), "fit": .string(preprocessing.fit.rawValue),
        "crop": .integer(preprocessing.crop),
        "interpolation": .string(preprocessing.interpolation.rawValue),
        "mean": channels(preprocessing.mean), "std": channels(preprocessing.standardDeviation),
      ]),
    ]
  }

  static let columns: [Table.Column] = [
    .text("model"), .text("weights").shortened, .number("input"),
    .number("classes").optional(3), .number("parameters").optional(5), .number("GMACs").optional(6),
    .number("top-1"), .number("top-5").optional(2), .text("licence").optional(4),
    .text("preprocessing").optional(0), .number("MiB").optional(3), .text("SHA-256").optional(0),
    .text("source").optional(0), .text("installed"),
  ]

  var rows: [[Table.Cell]] {
    sets.enumerated().map { index, set in
      let (weights, graph) = set
      return [
        .text(model.name), .text(weights.name), .integer(weights.preprocessing.crop),
        .integer(weights.classes), .integer(graph.parameterCount),
        .number(Double(graph.macs) / 1e9, decimals: 3),
        weights.accuracy.map { .number($0.top1, decimals: 3) } ?? .empty,
        weights.accuracy.map { .number($0.top5, decimals: 3) } ?? .empty,
        .text(weights.license), .text(Self.preprocessing(of: weights)),
        weights.mebibytes.map { .number($0, decimals: 3) } ?? .empty,
        weights.sha256.map(Table.Cell.text) ?? .empty, .text(weights.url ?? weights.origin),
        index == 0 ? file.map { .shown("yes", plain: $0) } ?? .empty : .empty,
      ]
    }
  }

  /// A table per set of weights, with a row per property.
  var details: [Table] {
    rows.map { row in
      Table(
        [.text("property"), .text("value")],
        rows: zip(Self.columns, row).compactMap { column, cell in
          if case .empty = cell { nil } else { [.text(column.title), cell] }
        })
    }
  }

  /// For example `256>224 bilinear same 0.5,0.5,0.5/0.5,0.5,0.5`.
  private static func preprocessing(of weights: PublishedWeights) -> String {
    let preprocessing = weights.preprocessing
    func list(_ values: SIMD3<Float>) -> String { "\(values.x),\(values.y),\(values.z)" }
    let resize =
      preprocessing.fit == .squash
      ? "\(preprocessing.resize)x\(preprocessing.resize)" : "\(preprocessing.resize)"
    return
      "\(resize)>\(preprocessing.crop) \(preprocessing.interpolation.rawValue) \(weights.padding.rawValue)"
      + " \(list(preprocessing.mean))/\(list(preprocessing.standardDeviation))"
  }
}
