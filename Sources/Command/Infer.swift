import ArgumentParser
import CNNZoo

struct Infer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a network on a tensor, for comparison with other programs.",
    discussion: """
      The input is already normalised: [N, 3, height, width] or [3, height, width], the only \
      tensor of its file or the one called input. The output is a safetensors file with the \
      tensor logits, [N, classes].
      """)

  @Argument(help: "The network; see `cnnzoo models`.", completion: .networks)
  var model: String

  @Option(help: "Its weights, a safetensors or PyTorch file.", completion: .file())
  var weights: String?

  @Option(help: "The safetensors or NumPy file to read.", completion: .file())
  var input: String

  @Option(help: "The safetensors file to write.", completion: .file())
  var output: String

  @Option(
    name: .shortAndLong, help: "Threads that compute; by default as many as this process may use.")
  var threads = Count(HostFacts.allowedThreads)

  @Option(help: "Images that are computed together.")
  var batch = Count(1)

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Option(help: "The padding rule that the weights were trained under.")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Form of the network") var form: NetworkForm

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func run() throws {
    let network = try ModelCatalog.model(named: model)
    let tensor = try InputTensor(path: input, limits: limits.weights)
    let file = try WeightFile(
      path: weights ?? WeightSearch.standard().weights(of: network), limits: limits.weights)
    let loaded = try LoadedNetwork(network, file: file) { configuration in
      (configuration.inputHeight, configuration.inputWidth) = (tensor.height, tensor.width)
      configuration.padding = padding ?? configuration.padding
      form.apply(to: &configuration)
    }
    Diagnostics.tell(remarks: loaded.remarks)
    let session = try loaded.session(
      InferenceSession.Options(
        threads: threads.value, backend: backend, maximumBatch: min(batch.value, tensor.count)))
    let logits = try tensor.logits(by: session)
    try write(logits, images: tensor.count)
    try report(loaded, images: tensor.count).write(as: format.format)
  }

  private func write(_ logits: [Float], images: Int) throws {
    var writer = SafetensorsWriter()
    writer.append(name: "logits", shape: [images, logits.count / images], values: logits)
    try Interrupts.deferred { () throws in try writer.write(to: output) }
  }

  private func report(_ network: LoadedNetwork, images: Int) -> Report {
    let classes = network.configuration.classes
    let facts: JSON.Object = [
      "output": .string(output), "model": .string(network.model.name),
      "images": .integer(images), "classes": .integer(classes),
    ]
    return Report(
      document: facts, records: [facts],
      table: Table(
        [.text("output"), .text("model"), .number("images"), .number("classes")],
        rows: [
          [.text(output), .text(network.model.name), .integer(images), .integer(classes)]
        ]))
  }
}
