import ArgumentParser
import CNNZoo
import Glibc

struct Infer: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Run a network on an input tensor and save the logits.",
    discussion: """
      The input is a normalised tensor, [N, 3, height, width] or [3, height, width]: the only \
      tensor in its file, or the one named "input". The output is a safetensors file with one \
      tensor, "logits", [N, classes]. Use this command to compare results with other programs.
      """)

  @Argument(
    help: ArgumentHelp(
      "Network; see `cnnzoo models`.",
      discussion:
        "By default that of --weights, of CNNZOO_MODEL, or of the most accurate weights installed."
    ), completion: .networks)
  var model: String?

  @Option(
    help: "Weight file: safetensors or PyTorch, also a training checkpoint.", completion: .file())
  var weights: String?

  @OptionGroup var reading: WeightOptions

  @Option(help: "Input tensor: a safetensors or NumPy file.", completion: .file())
  var input: String

  @Option(name: .shortAndLong, help: "Output: a safetensors file.", completion: .file())
  var output: String

  @Option(name: .shortAndLong, help: "Compute threads.", transform: Count.parse)
  var threads = Count(HostInfo.allowedThreads)

  @Option(help: "Batch size.", transform: Count.parse)
  var batch = Count(1)

  @OptionGroup var compute: ComputeOptions

  @Option(help: "Padding rule used in training.")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Network variant") var variant: VariantOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func run() throws {
    let network = try model.map(ModelCatalog.model)
    try OutputFile.check(
      output, is: [.safetensors], replacesNone: [input] + (weights.map { [$0] } ?? []))
    let tensor = try InputTensor(path: input, limits: limits.weights)
    let loaded = try LoadedNetwork(
      network, weights: weights, limits: limits.weights, usesEMA: !reading.noEma
    ) { configuration in
      (configuration.inputHeight, configuration.inputWidth) = (tensor.height, tensor.width)
      configuration.padding = padding ?? configuration.padding
      variant.apply(to: &configuration)
    }
    Diagnostics.warn(loaded.warnings)
    let precision = try loaded.decide(compute.choice, backend: compute.backend).precision
    try Diagnostics.warnIfEmulated(precision)
    let session = try loaded.session(
      InferenceSession.Options(
        threads: AvailableThreads.capped(threads), backend: compute.backend, precision: precision,
        maximumBatch: min(batch.value, tensor.count)))
    let logits = try tensor.logits(by: session)
    try write(logits, images: tensor.count)
    try report(loaded, precision, images: tensor.count).write(as: format.format)
  }

  private func write(_ logits: [Float], images: Int) throws {
    var writer = SafetensorsWriter()
    writer.append(name: "logits", shape: [images, logits.count / images], values: logits)
    try Interrupts.deferred { () throws in try writer.write(to: output) }
  }

  private func report(_ network: LoadedNetwork, _ precision: Precision, images: Int) -> Report {
    let classes = network.configuration.classes
    let facts: JSON.Object =
      [
        "output": .string(output), "model": .string(network.model.name),
        "precision": .string(precision.rawValue), "images": .integer(images),
        "classes": .integer(classes),
      ] + network.facts
    return Report(
      document: facts, records: [facts],
      table: Table(
        [.text("output"), .text("model"), .number("images"), .number("classes")],
        rows: [
          [.text(output), .text(network.model.name), .integer(images), .integer(classes)]
        ]))
  }
}

/// An input tensor, [N, 3, height, width], read from a file.
struct InputTensor {
  /// A small file can hold many tiny images, each with as many logits as a large one.
  private static let maximumImages = 4096

  /// Number of images.
  let count: Int
  let height: Int
  let width: Int
  private let values: [Float]

  init(path: String, limits: WeightLimits) throws(InputTensorError) {
    let (shape, values) = try Self.read(path, limits)
    guard shape.count == 4 || shape.count == 3, shape[shape.count - 3] == 3,
      shape.allSatisfy({ $0 > 0 })
    else {
      throw InputTensorError(
        path, "the tensor's shape is \(shape); expected [N, 3, height, width]")
    }
    if shape.count == 4, shape[0] > Self.maximumImages {
      throw InputTensorError(
        path, "the tensor has \(shape[0]) images; the limit is \(Self.maximumImages)")
    }
    guard let bad = values.firstIndex(where: { !$0.isFinite }) else {
      count = shape.count == 4 ? shape[0] : 1
      height = shape[shape.count - 2]
      width = shape[shape.count - 1]
      self.values = values
      return
    }
    throw InputTensorError(path, "element \(bad) of the tensor is \(values[bad])")
  }

  private static func read(
    _ path: String, _ limits: WeightLimits
  ) throws(InputTensorError) -> (shape: [Int], values: [Float]) {
    do {
      if isNPY(path) {
        let array = try NPYArray(path: path, limits: limits)
        return (array.shape, array.values)
      }
      let file = try WeightFile(path: path, limits: limits)
      let only = file.tensors.count == 1 ? file.tensors.first : nil
      guard let tensor = file["input"] ?? only else {
        throw InputTensorError(
          path, "\(NumberText.count(file.tensors.count, "tensor")), none named input")
      }
      let values = try tensor.floats()
      try file.verifyUnchanged()
      return (tensor.shape, values)
    } catch let error as InputTensorError {
      throw error
    } catch {
      throw InputTensorError(error)
    }
  }

  /// Whether the file starts like a NumPy file; the reader reports unreadable files.
  private static func isNPY(_ path: String) -> Bool {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var first: UInt8 = 0
    return Glibc.read(descriptor, &first, 1) == 1 && first == 0x93
  }

  /// The concatenated logits of all images.
  func logits(by session: InferenceSession) throws -> [Float] {
    var logits: [Float] = []
    var first = 0
    while first < count {
      let batch = min(session.options.maximumBatch, count - first)
      for slot in 0..<batch { load(first + slot, at: slot, of: session) }
      try session.run(batch: batch)
      for slot in 0..<batch { logits += session.logits(image: slot) }
      first += batch
    }
    return logits
  }

  /// Converts from NCHW to NHWC.
  private func load(_ image: Int, at slot: Int, of session: InferenceSession) {
    let plane = height * width
    session.withInput(image: slot) { input in
      for channel in 0..<3 {
        let start = (3 * image + channel) * plane
        for position in 0..<plane { input[3 * position + channel] = values[start + position] }
      }
    }
  }
}

/// An unusable input tensor.
struct InputTensorError: StatusCarrying, CustomStringConvertible {
  let description: String
  let status: ExitStatus

  fileprivate init(_ path: String, _ reason: String) {
    description = "\(path): \(reason)"
    status = .badData
  }

  fileprivate init(_ error: any Error) {
    if case WeightsError.unreadable = error {
      description = "\(error)"
      status = .missingInput
    } else {
      description = "\(error); expected a safetensors or NumPy file"
      status = .badData
    }
  }
}
