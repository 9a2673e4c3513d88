import ArgumentParser
import CNNZoo
import Glibc

extension Embedder.Layer: ExpressibleByArgument {}

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn images into vectors that are alike where the images are.",
    discussion: """
      A vector is what the network knows of an image before it decides on a class: the mean of its \
      last feature map, 1280 values in EfficientNets, 960 and 576 in MobileNetV3-Large and -Small; \
      with --layer hidden MobileNetV3's hidden layer, 1280 and 1024 values.

      jsonl has a record for each image as soon as it is known; with that many numbers it is \
      longer than the 4096 bytes that a pipe keeps together among several writers. npy is one array, \
      [N, C], f32, little-endian, a row for each image. safetensors holds it as the tensor \
      embeddings, with the images' paths, a JSON array, under paths in its metadata. Inputs that \
      fail have no row; with --on-error record they have one of NaN, so that rows stay aligned with \
      inputs.
      """)

  @Argument(help: "Files, folders, or -.", completion: .file())
  var inputs: [String] = []

  @OptionGroup var network: NetworkOptions

  @OptionGroup var list: ImageListOptions

  @Option(help: "Which of the network's values make the vector.")
  var layer = Embedder.Layer.pooled

  @Flag(help: "Divide every vector by its length.")
  var normalize = false

  @Option(help: "How vectors are written; by default as the output's name ends, else jsonl.")
  var format: EmbeddingFormat?

  @Option(name: .shortAndLong, help: "The file to write; by default standard output.")
  var output: String?

  func validate() throws { try list.validate(inputs) }

  func run() throws {
    let format = self.format ?? output.flatMap(EmbeddingFormat.init(endOf:)) ?? .jsonl
    if output == nil, format != .jsonl, isatty(STDOUT_FILENO) == 1 {
      throw UsageError("\(format.rawValue) is not for terminals; give --output, or redirect it")
    }
    if let output { try OutputFile.check(output) }
    let images = try list.inputs(inputs)
    let loaded = try network.network(inputIsTaken: list.readsStandardInput(inputs))
    let batch = network.batch(list.batch)
    var options = network.embedderOptions(batch: batch)
    options.layer = layer
    options.normalizes = normalize
    let embedder = try Embedder(loaded, options: options)
    try embed(
      network.stream(images, preparedBy: embedder.preprocessing, batch: batch), by: embedder,
      as: format)
  }

  private func embed(
    _ images: ImagePipeline, by embedder: Embedder, as format: EmbeddingFormat
  ) throws {
    var table = EmbeddingTable(embedder, policy: list.onError)
    var run = NetworkRunner(.init(embedder), tally: list.tally(inputs))
    let isStreamed = output == nil && format == .jsonl
    try run.run(images) { name, outcome throws in
      if isStreamed {
        if let line = table.line(name, outcome) { try StandardOutput.write(line) }
      } else {
        table.append(name, outcome)
      }
    }
    if !isStreamed && (run.tally.answered > 0 || list.onError == .record) {
      try Interrupts.deferred { () throws in try table.write(to: output, as: format) }
    }
    try run.tally.status.throwUnlessSuccess()
  }
}

extension NetworkRunner<[Float]>.Engine {
  /// The network up to where its vectors are.
  init(_ embedder: Embedder) {
    self.init(batch: embedder.options.maximumBatch, load: embedder.load) { count in
      try embedder.vectors(count: count).map { vector in vector.mapError { $0 } }
    }
  }
}
