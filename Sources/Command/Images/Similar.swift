import ArgumentParser
import CNNZoo

struct Similar: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the images most similar to one.",
    discussion: """
      Similarity is the cosine between the embeddings that `cnnzoo embed` computes: 1 for the same \
      direction, near 0 for images that have nothing in common.
      """)

  @Argument(help: "The image to compare with; - is standard input.", completion: .file())
  var query: String

  @Argument(help: "The images to search: files and folders.", completion: .file())
  var inputs: [String] = []

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(name: .customShort("k"), help: "Number of images to list.")
  var count = 10

  @Option(help: "Layer whose outputs are compared.")
  var layer = Embedder.Layer.pooled

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  func validate() throws {
    try list.validate(inputs, others: [query])
    if count < 1 { throw ValidationError("-k must be at least 1.") }
  }

  func run() throws {
    let images = try list.images(inputs)
    let loaded = try network.network(inputIsTaken: list.readsStandardInput(inputs + [query]))
    Diagnostics.warn(loaded.warnings)
    var options = network.embedderOptions(batch: network.batch(list.batch))
    options.layer = layer
    let embedder = try Embedder(loaded, options: options)
    var index = try SimilarityIndex(dimension: embedder.dimension)
    let wanted = try embedder.embed(network.image(query))
    var names: [String] = []
    var warnings: [[ImageWarning]] = []
    var failures: [(name: String, failure: ImageFailure)] = []
    let tally = list.tally(inputs)
    defer { ProgressLine.erase() }
    try embedder.embed(images) { answer in
      switch try tally.count(answer) {
      case .success(let vector):
        try index.append(vector)
        names.append(answer.input.name)
        warnings.append(answer.warnings)
      case .failure(let failure): failures.append((answer.input.name, failure))
      }
    }
    let matches = names.isEmpty ? [] : try index.matches(of: wanted, count: count)
    try report(
      matches, names: names, warnings: warnings, failures: list.onError == .skip ? [] : failures,
      of: loaded.model
    ).write(as: format.format)
    try tally.finish(skipped: images.skipped)
  }

  private func report(
    _ matches: [SimilarityIndex.Match], names: [String], warnings: [[ImageWarning]],
    failures: [(name: String, failure: ImageFailure)], of model: Model
  ) -> Report {
    let results: [JSON.Object] = matches.enumerated().map { rank, match in
      [
        "input": .string(names[match.index]), "rank": .integer(rank + 1),
        "cosine": .number(match.cosine),
      ] + warnings[match.index].json
    }
    let errors = failures.map { name, failure in ["input": .string(name)] + failure.json }
    let facts: JSON.Object = [
      "query": .string(query), "model": .string(model.name), "layer": .string(layer.rawValue),
    ]
    return Report(
      document: facts + [
        "compared": .integer(names.count), "results": .array(results.map(JSON.object)),
        "errors": .array(errors.map(JSON.object)),
      ],
      records: (results + errors).map { facts + $0 },
      table: Table(
        [.number("cosine"), .text("input")],
        rows: matches.map { [.number($0.cosine, decimals: 4), .text(names[$0.index])] }))
  }
}
