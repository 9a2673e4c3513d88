import ArgumentParser
import CNNZoo

/// The network that looks at images, its weights, how it is run, and how images are read for it.
struct NetworkOptions: ParsableArguments {
  @Option(help: "The network; see `cnnzoo models`.", completion: .networks)
  var model: String

  @Option(help: "Its weights, a safetensors or PyTorch file.", completion: .file())
  var weights: String?

  @Option(
    name: .shortAndLong, help: "Threads that compute; by default as many as this process may use.")
  var threads = Count(HostInfo.allowedThreads)

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Flag(help: "Ignore the orientation that a camera wrote into the file.")
  var noExif = false

  @OptionGroup(title: "Recipe (by default that of the weights)") var recipe: PreprocessingOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  /// The catalogue's entry, and the path of its weights; a person at a terminal may be asked whether
  /// to fetch missing ones.
  func weightFile(inputIsTaken: Bool) throws -> (model: Model, path: String) {
    let model = try ModelCatalog.model(named: model)
    return (model, try weights ?? PullOffer(inputIsTaken: inputIsTaken).weights(of: model))
  }

  /// The network with its weights, remarks told.
  func network(inputIsTaken: Bool) throws -> LoadedNetwork {
    let (model, path) = try weightFile(inputIsTaken: inputIsTaken)
    let network = try LoadedNetwork(
      model, weights: path, limits: limits.weights, overrides: recipe.overrides)
    Diagnostics.tell(warnings: network.warnings)
    return network
  }

  /// What a classifier is to be run with.
  func classifierOptions(batch: Int, labels: String?) throws -> Classifier.Options {
    var options = Classifier.Options()
    options.threads = threads.value
    options.backend = backend
    options.maximumBatch = batch
    options.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    options.preprocessing = recipe.overrides
    options.limits = limits.weights
    return options
  }

  /// What an embedder is to be run with.
  func embedderOptions(batch: Int) -> Embedder.Options {
    var options = Embedder.Options()
    options.threads = threads.value
    options.backend = backend
    options.maximumBatch = batch
    options.preprocessing = recipe.overrides
    return options
  }

  /// Images that are computed together, where nobody chose.
  ///
  /// Where images wait, a thread that computes one by itself waits for no other: some for each keep
  /// all busy until the end of a batch.
  func batch(_ chosen: Count?) -> Int { chosen?.value ?? min(4 * threads.value, 16) }

  /// The images, decoded ahead.
  func stream(
    _ images: ImageInputs, preparedBy preprocessing: Preprocessing, batch: Int
  ) -> ImagePipeline {
    ImagePipeline(
      images, preprocessing: preprocessing, reading: reading, threads: decodingThreads,
      batch: batch)
  }

  /// The one image that a command was given: a path, or - for standard input.
  func image(_ argument: String) throws -> Image {
    try ImageInputs.Input.single(argument).image(reading)
  }

  private var reading: ImageReading {
    ImageReading(limits: limits.decoding, appliesOrientation: !noExif)
  }

  /// Small networks answer faster than one thread decodes: where processors are left, two decode for
  /// each that computes.
  private var decodingThreads: Int {
    max(threads.value, min(2 * threads.value, HostInfo.allowedThreads))
  }
}
