import ArgumentParser
import CNNZoo

/// The network that looks at pictures, its weights, and how it is run.
struct PictureNetworkOptions: ParsableArguments {
  @Option(help: "The network; see `cnnzoo models`.")
  var model: String

  @Option(help: "Its weights, a safetensors or PyTorch file.")
  var weights: String?

  @Option(
    name: .shortAndLong, help: "Threads that compute; by default as many as this process may use.")
  var threads = Count(HostFacts.allowedThreads)

  @Option(help: "Who computes the convolutions.")
  var backend = Backend.auto

  @Flag(help: "Ignore the orientation that a camera wrote into the file.")
  var noExif = false

  @OptionGroup(title: "Recipe (by default that of the weights)") var recipe: RecipeOptions

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
      model, file: WeightFile(path: path), overrides: recipe.overrides)
    Diagnostics.tell(remarks: network.remarks)
    return network
  }

  /// What an embedder is to be run with.
  func options(batch: Int) -> Embedder.Options {
    var options = Embedder.Options()
    options.threads = threads.value
    options.backend = backend
    options.maximumBatch = batch
    options.recipe = recipe.overrides
    return options
  }
}

/// Pictures that a command is given one by one, in folders, or as a list.
struct PictureListOptions: ParsableArguments {
  @Option(help: "Pictures that are computed together.")
  var batch = Count(1)

  @Option(help: "A file with paths of pictures, one a line; - is standard input.")
  var filesFrom: String?

  @Flag(help: "The paths of --files-from end with zero bytes, not lines.")
  var null = false

  @Option(help: "What becomes of inputs that fail.")
  var onError = FailurePolicy.tell

  /// Refuses what standard input cannot give twice, and lists that are not there.
  func validate(_ inputs: [String], others: [String] = []) throws {
    if inputs.isEmpty && filesFrom == nil {
      throw ValidationError("Give pictures, folders, - or --files-from.")
    }
    if (inputs + others).count(where: { $0 == "-" }) + (filesFrom == "-" ? 1 : 0) > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
    if null && filesFrom == nil { throw ValidationError("--null is about --files-from.") }
  }

  /// The pictures.
  func inputs(_ arguments: [String]) throws -> PictureInputs {
    PictureInputs(
      arguments: PicturePath.paths(of: arguments),
      list: try filesFrom.map { path throws in try PathList(path, endedByZeros: null) })
  }

  func readsStandardInput(_ arguments: [String]) -> Bool {
    arguments.contains("-") || filesFrom == "-"
  }
}
