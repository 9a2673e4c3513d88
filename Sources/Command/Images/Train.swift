import Host
import ArgumentParser
import CNNZoo

struct Train: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Train a network on your own classes.",
    discussion: """
      Each folder in FOLDER is a class, named after the folder, and holds that class's images. \
      --head-only replaces the network's last layer with one fitted in closed form (ridge regression \
      on that layer's input) and keeps the rest. OUTPUT is an ordinary weight file that includes the \
      class names: `cnnzoo classify --weights OUTPUT` uses them.

      The report is leave-one-out: each image is classified by a head fitted to all others. It is \
      exact for the chosen penalty; the penalty and the temperature were chosen on all images.
      """)

  @Argument(help: "A folder with one folder per class.", completion: .directory)
  var folder: String

  @Flag(help: "Fit a new classifier in closed form, on top of the unchanged network.")
  var headOnly = false

  @OptionGroup var network: NetworkOptions

  @Option(help: "Batch size (default: chosen from the thread count).")
  var batch: Count?

  @Option(help: "How to handle images that fail; none of them is used.")
  var onError = FailurePolicy.tell

  @Option(
    name: .shortAndLong, help: "The safetensors file to write; an existing file is replaced.")
  var output: String

  @OptionGroup var format: FormatOption

  func run() throws {
    guard headOnly else {
      throw UsageError(
        "training the whole network is not available yet; --head-only fits a new classifier to your"
          + " images and keeps the rest of the network")
    }
    let folders = try ClassFolders(in: FilePath.paths(of: [folder])[0])
    let loaded = try network.network(inputIsTaken: false)
    try OutputFile.check(output, replacesNone: [loaded.file.path])
    let batch = network.batch(batch)
    let trainer = try HeadTrainer(
      loaded, classes: folders.names, options: network.embedderOptions(batch: batch))
    var names: [String] = []
    var run = NetworkRunner(
      .init(trainer.embedder),
      tally: InputTally(
        policy: onError, progress: ImageProgress(arguments: folders.paths, hasList: false)))
    for (index, path) in folders.paths.enumerated() {
      let images = network.stream(
        ImageInputs(arguments: [path], list: nil),
        preparedBy: trainer.embedder.preprocessing, batch: batch)
      try run.run(images) { name, outcome throws in
        guard case .success(let vector) = outcome else { return }
        trainer.add(vector, class: index)
        names.append(name)
      }
    }
    let trained = try trainer.train()
    try Interrupts.deferred { () throws in try trained.write(to: output) }
    try TrainReport(trained, names: names, output: output, failures: run.tally.failures.count)
      .report.write(as: format.format)
    try run.tally.status.throwUnlessSuccess()
  }
}
