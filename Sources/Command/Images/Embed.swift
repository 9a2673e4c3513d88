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

      jsonl writes one record per image. npy is one array, [N, C], f32, little-endian, with one \
      row per image. safetensors contains the same array as the tensor "embeddings", and the image \
      paths as a JSON array in its metadata, under "paths". Failed inputs have no row; with \
      --on-error record they have a row of NaN, so that rows stay aligned with inputs.
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

  @OptionGroup var quiet: QuietOption

  func validate() throws { try list.validate(inputs) }

  func run() throws {
    let format = self.format ?? output.flatMap(EmbeddingFormat.init(extensionOf:)) ?? .jsonl
    if output == nil, format != .jsonl, isatty(STDOUT_FILENO) == 1 {
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
    var table = EmbeddingTable(embedder, policy: list.onError)
    let tally = list.tally(inputs)
    defer { ProgressLine.erase() }
    let isStreamed = output == nil && format == .jsonl
    try embedder.embed(images) { answer in
      let outcome = try tally.count(answer)
      if isStreamed {
        if let line = table.line(answer.input.name, outcome, answer.warnings) {
          try StandardOutput.write(line)
        }
      } else {
        table.append(answer.input.name, outcome, answer.warnings)
      }
    }
    if !isStreamed && (tally.answered > 0 || list.onError == .record) {
      try Interrupts.deferred { () throws in try table.write(to: output, as: format) }
    }
    try tally.finish(skipped: images.skipped)
  }
}

/// Output formats for embeddings.
enum EmbeddingFormat: String, CaseIterable, ExpressibleByArgument {
  /// One record per image.
  case jsonl
  /// A NumPy array.
  case npy
  /// A tensor, with the image paths in the metadata.
  case safetensors

  var file: OutputFile.Format {
    switch self {
    case .jsonl: .jsonl
    case .npy: .npy
    case .safetensors: .safetensors
    }
  }

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
  typealias Outcome = Result<[Float], ImageFailure>

  private let model: String
  private let precision: Precision
  private let layer: Embedder.Layer
  private let dimension: Int
  private let isNormalized: Bool
  private let policy: FailurePolicy
  private var rows: [(name: String, outcome: Outcome, warnings: [ImageWarning])] = []

  init(_ embedder: Embedder, policy: FailurePolicy) {
    model = embedder.network.model.name
    precision = embedder.precision
    layer = embedder.options.layer
    dimension = embedder.dimension
    isNormalized = embedder.options.normalizes
    self.policy = policy
  }

  /// Stores the result for an image.
  mutating func append(_ name: String, _ outcome: Outcome, _ warnings: [ImageWarning]) {
    rows.append((name, outcome, warnings))
  }

  /// The record of one image; `nil` for a failure if the policy writes none.
  func line(_ name: String, _ outcome: Outcome, _ warnings: [ImageWarning]) -> String? {
    let members: JSON.Object
    switch outcome {
    case .success(let vector):
      members =
        [
          "model": .string(model), "precision": .string(precision.rawValue),
          "layer": .string(layer.rawValue),
          "embedding": .array(vector.map(JSON.float)),
        ] + warnings.json
    case .failure(let failure):
      if policy == .skip || policy == .fail { return nil }
      members = failure.json
    }
    return "\(JSON.object(.schema + ["input": .string(name)] + members))\n"
  }

  /// Writes everything to a file, atomically, or to standard output.
  func write(to path: String?, as format: EmbeddingFormat) throws {
    switch format {
    case .jsonl:
      guard let path else {
        for (name, outcome, warnings) in rows {
          if let line = line(name, outcome, warnings) { try StandardOutput.write(line) }
        }
        return
      }
      let file = try AtomicFile(path: path)
      for (name, outcome, warnings) in rows {
        guard let line = line(name, outcome, warnings) else { continue }
        try Array(line.utf8).withUnsafeBytes { bytes throws in try file.write(bytes) }
      }
      try file.commit()
    case .npy:
      let array = NPYArray(shape: [shownRows.count, dimension], values: values)
      if let path { try array.write(to: path) } else { try StandardOutput.write(array.encoded) }
    case .safetensors:
      var writer = SafetensorsWriter(metadata: [
        "model": model, "precision": precision.rawValue, "layer": layer.rawValue,
        "normalized": "\(isNormalized)",
        "paths": "\(JSON.array(shownRows.map { .string($0.name) }))",
      ])
      writer.append(name: "embeddings", shape: [shownRows.count, dimension], values: values)
      if let path {
        try writer.write(to: path)
      } else {
        try StandardOutput.write(writer.encoded(named: "standard output"))
      }
    }
  }

  /// The images that have a row in an array.
  private var shownRows: [(name: String, outcome: Outcome, warnings: [ImageWarning])] {
    policy == .record
      ? rows
      : rows.filter { if case .success = $0.outcome { true } else { false } }
  }

  private var values: [Float] {
    let missing = [Float](repeating: .nan, count: dimension)
    return shownRows.flatMap { row in
      if case .success(let vector) = row.outcome { vector } else { missing }
    }
  }
}
