import ArgumentParser
import CNNZoo
import Host

struct Similar: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Find the images most similar to one, or duplicates.",
    discussion: """
      Similarity is the cosine of the embeddings that `cnnzoo embed` computes: 1 for the same \
      direction, near 0 for images with nothing in common. With --index, only the image to compare \
      with is read; the index must come from the same network, weights, layer, preprocessing and \
      precision.

      --duplicates groups copies of the same image: identical pixels (exact), or recompressed, \
      resized or slightly cropped (near).
      """)

  @Argument(help: "The image to compare with; - is standard input.", completion: .file())
  var query: String?

  @Argument(help: "The images to search: files and folders.", completion: .file())
  var inputs: [String] = []

  @Flag(help: "List groups of duplicates among all given images.")
  var duplicates = false

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(
    help: "Search an npz or safetensors file written by `cnnzoo embed` instead of images.",
    completion: .file())
  var index: String?

  @Option(name: .customShort("k"), help: "Number of images to list.")
  var count = 10

  @Option(help: "Layer to take the embeddings from.")
  var layer = Embedder.Layer.pooled

  @OptionGroup var format: FormatOption

  @OptionGroup var quiet: QuietOption

  /// The images to search.
  private var searched: [String] {
    duplicates ? [query].compactMap(\.self) + inputs : inputs
  }

  func validate() throws {
    if !duplicates, query == nil { throw ValidationError("Specify the image to compare with.") }
    if index == nil {
      try list.validate(searched, others: duplicates ? [] : [query].compactMap(\.self))
    } else if duplicates || !inputs.isEmpty || list.filesFrom != nil {
      throw ValidationError(
        "--index replaces the images to search and cannot be combined with --duplicates.")
    }
    if count < 1 { throw ValidationError("-k must be at least 1.") }
  }

  func run() throws {
    let images = try list.images(searched)
    let loaded = try network.network(
      inputIsTaken: list.readsStandardInput(searched) || query == "-")
    Diagnostics.warn(loaded.warnings)
    var options = network.embedderOptions(batch: network.batch(list.batch))
    options.layer = layer
    options.decoding.fingerprints = duplicates
    let embedder = try Embedder(loaded, options: options)
    try Diagnostics.warnIfEmulated(embedder.precision)
    if duplicates {
      try listDuplicates(images, embedder)
    } else {
      try search(images, embedder)
    }
  }

  private func listDuplicates(_ images: ImageInputs, _ embedder: Embedder) throws {
    var finder = try DuplicateFinder(dimension: embedder.dimension)
    var names: [String] = []
    let tally = list.tally(searched)
    let failures = try embed(images, embedder, tally) { vector, answer in
      guard let fingerprint = answer.fingerprint else { return }
      finder.append(vector, fingerprint)
      names.append(answer.input.name)
    }
    let groups = finder.groups(threads: network.threadCount)
    try report(groups, names: names, failures: failures, by: embedder)
      .write(as: format.format)
    try tally.finish(skipped: images.skipped)
  }

  private func search(_ images: ImageInputs, _ embedder: Embedder) throws {
    var vectors = try SimilarityIndex(dimension: embedder.dimension)
    var names: [String] = []
    var warnings: [[ImageWarning]] = []
    if let path = index {
      let stored = try EmbeddingIndex(contentsOf: path)
      try stored.requireMatch(of: embedder, path: path)
      for row in 0..<stored.count {
        // Images that failed, or whose embedding has no direction, are similar to nothing.
        guard let embedding = stored.embedding(row), (try? vectors.append(embedding)) != nil
        else { continue }
        names.append(stored.files[row].path)
        warnings.append([])
      }
    }
    let wanted = try embedder.embed(network.image(query ?? "-"))
    let tally = list.tally(searched)
    let failures = try embed(images, embedder, tally) { vector, answer in
      try vectors.append(vector)
      names.append(answer.input.name)
      warnings.append(answer.warnings)
    }
    let matches = names.isEmpty ? [] : try vectors.matches(of: wanted, count: count)
    try report(
      matches, names: names, warnings: warnings, failures: failures, by: embedder
    ).write(as: format.format)
    try tally.finish(skipped: images.skipped)
  }

  private typealias Failures = [(name: String, failure: ImageFailure)]

  /// Embeds images; returns the failures to report.
  private func embed(
    _ images: ImageInputs, _ embedder: Embedder, _ tally: InputTally,
    receive: ([Float], ImageResult<[Float]>) throws -> Void
  ) throws -> Failures {
    var failures: Failures = []
    defer { ProgressLine.erase() }
    try embedder.embed(images) { answer in
      switch try tally.count(answer) {
      case .success(let vector): try receive(vector, answer)
      case .failure(let failure):
        if list.onError != .skip { failures.append((answer.input.name, failure)) }
      }
    }
    return failures
  }

  private func facts(of embedder: Embedder) -> JSON.Object {
    [
      "model": .string(embedder.network.model.name),
      "precision": .string(embedder.precision.rawValue),
      "layer": .string(layer.rawValue),
    ] + embedder.network.facts
  }

  private func report(
    _ groups: [DuplicateFinder.Group], names: [String],
    failures: Failures, by embedder: Embedder
  ) -> Report {
    let results = groups.map { $0.json(names) }
    let errors = failures.map { name, failure in ["input": .string(name)] + failure.json }
    let facts = facts(of: embedder)
    let copies = groups.reduce(0) { $0 + $1.images.count }
    return Report(
      document: facts + [
        "compared": .integer(names.count), "groups": .array(results.map(JSON.object)),
        "errors": .array(errors.map(JSON.object)),
      ],
      records: (results + errors).map { facts + $0 },
      table: Table(
        [.number("group"), .text("kind"), .text("input")],
        rows: groups.enumerated().flatMap { number, group in
          group.images.map {
            [.integer(number + 1), .text(group.kind), .text(names[$0])] as [Table.Cell]
          }
        }),
      notes: [
        "\(groups.count) \(groups.count == 1 ? "group" : "groups") of duplicates: \(copies) of"
          + " \(names.count) images"
      ])
  }

  private func report(
    _ matches: [SimilarityIndex.Match], names: [String], warnings: [[ImageWarning]],
    failures: Failures, by embedder: Embedder
  ) -> Report {
    let results: [JSON.Object] = matches.enumerated().map { rank, match in
      [
        "input": .string(names[match.index]), "rank": .integer(rank + 1),
        "cosine": .number(match.cosine),
      ] + warnings[match.index].json
    }
    let errors = failures.map { name, failure in ["input": .string(name)] + failure.json }
    let facts = ["query": .string(query ?? "-")] + facts(of: embedder)
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

extension DuplicateFinder.Group {
  /// How the images were recognised as copies.
  var kind: String { isExact ? "exact" : "near" }

  /// The group as members of a record.
  func json(_ names: [String]) -> JSON.Object {
    ["kind": .string(kind), "images": .array(images.map { .string(names[$0]) })]
  }
}
