import Host
import ArgumentParser
import CNNZoo

struct Teach: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Give a network a new classifier, for classes of your own.",
    discussion: """
      Every folder in FOLDER is a class, called as the folder is, and holds its pictures. The \
      network's last layer is solved for in closed form (ridge regression on what that layer reads), \
      the rest stays as it is. OUTPUT is an ordinary weight file with the classes' names: \
      `cnnzoo classify --weights OUTPUT` answers with them.

      The report is leave-one-out: each picture is judged by a classifier that learnt from all \
      others. It is exact for the penalty in use; that penalty, and the scale of the probabilities, \
      were chosen with all pictures.
      """)

  @Argument(help: "A folder of folders, one for each class.")
  var folder: String

  @OptionGroup var network: PictureNetworkOptions

  @Option(help: "Pictures that are computed together; by default some for each thread.")
  var batch: Count?

  @Option(help: "What becomes of pictures that fail; none is learnt from.")
  var onError = FailurePolicy.tell

  @Option(
    name: .shortAndLong, help: "The safetensors file to write; one that is there is replaced.")
  var output: String

  @OptionGroup var format: FormatOption

  func run() throws {
    let folders = try ClassFolders(in: FilePath.paths(of: [folder])[0])
    let loaded = try network.network(inputIsTaken: false)
    try OutputFile.check(output, replacesNone: [loaded.file.path])
    let batch = network.batch(batch)
    let teacher = try Teacher(
      loaded, classes: folders.names, options: network.embedderOptions(batch: batch))
    var names: [String] = []
    var run = PictureRun(
      .init(teacher.embedder),
      tally: InputTally(
        policy: onError, progress: PictureProgress(arguments: folders.paths, hasList: false)))
    for (index, path) in folders.paths.enumerated() {
      let pictures = network.stream(
        PictureInputs(arguments: [path], list: nil),
        preparedBy: teacher.embedder.preprocessing, batch: batch)
      try run.run(pictures) { name, outcome throws in
        guard case .success(let vector) = outcome else { return }
        teacher.add(vector, class: index)
        names.append(name)
      }
    }
    let taught = try teacher.learn()
    try Interrupts.deferred { () throws in try taught.write(to: output) }
    try TeachReport(taught, names: names, output: output, failures: run.tally.failures.count)
      .report.write(as: format.format)
    try run.tally.status.throwUnlessSuccess()
  }
}
