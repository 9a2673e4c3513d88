import ArgumentParser
import CNNZoo
import Glibc

extension Embedder.Layer: ExpressibleByArgument {}

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Compute an embedding for each image.",
    discussion: """
      An embedding is the mean of the network's last feature map: 1280 values for EfficientNets, \
      960 for MobileNetV3-Large and 576 for MobileNetV3-Small. With --layer hidden, it is the \
      output of MobileNetV3's hidden layer: 1280 and 1024 values.

      npz and safetensors are indexes: they contain the embeddings, [N, C], f32, with the path, \
      size and modification time of each image, and what the embeddings depend on: network, the \
      weights' SHA-256, layer, preprocessing and precision. `cnnzoo similar --index` searches an \
      index, and --update computes only new and changed files. jsonl writes one record per image, \
      csv one line per image; npy is the array alone.

      Failed inputs have no row; with --on-error record they have a row of NaN, so that rows stay \
      aligned with inputs.
      """)

  @Argument(help: "Files, folders, or -.", completion: .file())
  var inputs: [String] = []

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(help: "Layer to take the embedding from.")
  var layer = Embedder.Layer.pooled

  @Flag(help: "Scale each embedding to unit length.")
  var normalize = false

  @Option(help: "Output format (default: the output's extension, else jsonl).")
  var format: EmbeddingFormat?

  @Option(name: .shortAndLong, help: "Output file (default: standard output).")
  var output: String?

  @Flag(help: "Reuse the embeddings of unchanged files in --output, an npz or safetensors file.")
  var update = false

  @OptionGroup var quiet: QuietOption

  func validate() throws {
    try list.validate(inputs)
    if update, output == nil || !effectiveFormat.isIndex {
      throw ValidationError("--update needs --output with an npz or safetensors file.")
    }
  }

  private var effectiveFormat: EmbeddingFormat {
    format ?? output.flatMap(EmbeddingFormat.init(extensionOf:)) ?? .jsonl
  }

  func run() throws {
    let format = effectiveFormat
    if output == nil, !format.isText, isatty(STDOUT_FILENO) == 1 {
      throw UsageError(
        "refusing to write binary \(format.rawValue) to a terminal; use --output or redirect it")
    }
    if let output {
      let formats = self.format.map { [$0] } ?? EmbeddingFormat.allCases
      try OutputFile.check(output, is: formats.map(\.file))
    }
    let images = try list.images(inputs)
    let loaded = try network.network(inputIsTaken: list.readsStandardInput(inputs))
    Diagnostics.warn(loaded.warnings)
    var options = network.embedderOptions(batch: network.batch(list.batch))
    options.layer = layer
    options.normalizes = normalize
    let embedder = try Embedder(loaded, options: options)
    try Diagnostics.warnIfEmulated(embedder.precision)
    if format.isIndex {
      try writeIndex(of: images, embedder, as: format)
    } else {
      try writeTable(of: images, embedder, as: format)
    }
  }

  private func writeIndex(
    of images: ImageInputs, _ embedder: Embedder, as format: EmbeddingFormat
  ) throws {
    let origin = try EmbeddingIndex.Origin(of: embedder)
    let builder = EmbeddingIndexBuilder(
      images, origin: origin, dimension: embedder.dimension,
      reusing: try indexToUpdate(embedder, origin), keepsFailures: list.onError == .record)
    let tally = list.tally(inputs)
    defer { ProgressLine.erase() }
    try embedder.embed(builder) { answer in
      let outcome = try tally.count(answer)
      builder.append(try? outcome.get())
      tally.count(reused: builder.reused)
    }
    tally.count(reused: builder.reused)
    if writesFile(tally) { try builder.index.write(to: output, as: format) }
    if update {
      Diagnostics.log("\(builder.reused) unchanged, \(tally.count - builder.reused) read")
    }
    try tally.finish(skipped: images.skipped)
  }

  /// The index to update, if there is one.
  ///
  /// - Throws: `EmbeddingIndexError` if its embeddings differ in more than the images.
  private func indexToUpdate(
    _ embedder: Embedder, _ origin: EmbeddingIndex.Origin
  ) throws -> EmbeddingIndex? {
    guard update, let output, access(output, F_OK) == 0 else { return nil }
    let index = try EmbeddingIndex(contentsOf: output)
    try index.requireMatch(of: embedder, path: output, origin: origin, ignoring: [])
    return index
  }

  private func writeTable(
    of images: ImageInputs, _ embedder: Embedder, as format: EmbeddingFormat
  ) throws {
    var table = EmbeddingTable(embedder, format, policy: list.onError)
    let tally = list.tally(inputs)
    defer { ProgressLine.erase() }
    let isStreamed = output == nil && format.isText
    try embedder.embed(images) { answer in
      let outcome = try tally.count(answer)
      guard table.has(outcome) else { return }
      table.append(answer.input.name, outcome, answer.warnings)
      if isStreamed { try table.flush() }
    }
    if writesFile(tally) { try table.write(to: output) }
    try tally.finish(skipped: images.skipped)
  }

  /// Whether there is anything to write.
  private func writesFile(_ tally: InputTally) -> Bool {
    tally.answered > 0 || list.onError == .record
  }
}

/// Output formats for embeddings.
enum EmbeddingFormat: String, CaseIterable, ExpressibleByArgument {
  /// One record per image.
  case jsonl
  /// One line per image.
  case csv
  /// A NumPy array.
  case npy
  /// NumPy arrays of embeddings, paths and more: an index.
  case npz
  /// Tensors, with the image paths in the metadata: an index.
  case safetensors

  var file: OutputFile.Format {
    switch self {
    case .jsonl: .jsonl
    case .csv: .csv
    case .npy: .npy
    case .npz: .npz
    case .safetensors: .safetensors
    }
  }

  /// Whether the file records all that `EmbeddingIndex` does.
  var isIndex: Bool { self == .npz || self == .safetensors }
  var isText: Bool { self == .jsonl || self == .csv }

  /// The format that the extension of `path` names, if any.
  init?(extensionOf path: String) {
    guard
      let match = Self.allCases.first(where: {
        OutputFile.format(of: path, among: [$0.file]) != nil
      })
    else { return nil }
    self = match
  }
}

/// Embeddings, written all at once or line by line.
private struct EmbeddingTable {
  private struct Row {
    let name: String
    let failure: ImageFailure?
    let warnings: [ImageWarning]
  }

  private let model: String
  private let precision: Precision
  private let layer: Embedder.Layer
  private let facts: JSON.Object
  private let dimension: Int
  private let format: EmbeddingFormat
  private let policy: FailurePolicy
  private var rows: [Row] = []
  /// [rows.count, dimension]; NaN for failures.
  private var values: [Float] = []
  private var needsHeader: Bool

  init(_ embedder: Embedder, _ format: EmbeddingFormat, policy: FailurePolicy) {
    model = embedder.network.model.name
    precision = embedder.precision
    layer = embedder.options.layer
    facts = embedder.network.facts
    dimension = embedder.dimension
    self.format = format
    self.policy = policy
    needsHeader = format == .csv
  }

  /// Whether an image with this outcome has a row: failures have records by default, but no rows of
  /// numbers.
  func has(_ outcome: Result<[Float], ImageFailure>) -> Bool {
    if case .success = outcome { return true }
    return policy == .record || policy == .report && format == .jsonl
  }

  /// Adds a row.
  mutating func append(
    _ name: String, _ outcome: Result<[Float], ImageFailure>, _ warnings: [ImageWarning]
  ) {
    switch outcome {
    case .success(let vector):
      rows.append(Row(name: name, failure: nil, warnings: warnings))
      values += vector
    case .failure(let failure):
      rows.append(Row(name: name, failure: failure, warnings: warnings))
      values.append(contentsOf: repeatElement(.nan, count: dimension))
    }
  }

  /// Writes the rows as text to standard output and forgets them.
  mutating func flush() throws(OutputError) {
    if needsHeader { try StandardOutput.write(header) }
    needsHeader = false
    for row in rows.indices { try StandardOutput.write(line(row)) }
    rows.removeAll(keepingCapacity: true)
    values.removeAll(keepingCapacity: true)
  }

  /// Writes everything to a file, complete or not at all, or to standard output.
  mutating func write(to path: String?) throws {
    guard format.isText else {
      let bytes = NPYArray(shape: [rows.count, dimension], values: values).encoded
      if let path { try OutputFile.write(bytes, to: path) } else { try StandardOutput.write(bytes) }
      return
    }
    guard let path else { return try flush() }
    try OutputFile.write(to: path) { (write) throws(FileError) in
      if needsHeader { try write(header) }
      for row in rows.indices { try write(line(row)) }
    }
  }

  /// The names of the columns in CSV.
  private var header: String {
    Table([.text("input")] + (0..<dimension).map { .number("e\($0)") }).csvHead
  }

  private func line(_ index: Int) -> String {
    let row = rows[index]
    let vector = values[index * dimension..<(index + 1) * dimension]
    if format == .csv {
      return Table.csvRows([[.text(row.name)] + vector.map(Table.Cell.float)])
    }
    let members: JSON.Object =
      row.failure?.json
      ?? [
        "model": .string(model), "precision": .string(precision.rawValue),
        "layer": .string(layer.rawValue),
      ] + facts + ["embedding": .array(vector.map(JSON.float))] + row.warnings.json
    return "\(JSON.object(.schema + ["input": .string(row.name)] + members))\n"
  }
}

extension EmbeddingIndex {
  /// Writes the index to a file, complete or not at all, or to standard output.
  fileprivate func write(to path: String?, as format: EmbeddingFormat) throws {
    guard let path else {
      let name = "standard output"
      return try StandardOutput.write(
        format == .npz ? npz.encoded(named: name) : safetensors.encoded(named: name))
    }
    try Interrupts.deferred { () throws in
      if format == .npz { try npz.write(to: path) } else { try safetensors.write(to: path) }
    }
  }
}
