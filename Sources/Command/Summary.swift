import ArgumentParser
import CNNZoo

struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show a network's modules, shapes, parameters and costs; needs no weights.")

  @Argument(help: "The network; see `cnnzoo models`.", completion: .networks)
  var model: String

  @Option(help: "Extent of the input, N or HEIGHTxWIDTH; by default the published one.")
  var inputSize: InputSize?

  @Option(help: "Levels of modules that are shown; json always has all layers.")
  var depth = 3

  @Flag(help: "Show the compiled program instead: steps, strategies, memory.")
  var plan = false

  @Option(help: "Who computes the convolutions, for --plan.")
  var backend = Backend.auto

  @Option(help: "The padding rule; by default that of the published weights.")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Form of the network") var form: NetworkForm

  func validate() throws {
    if depth < 1 { throw ValidationError("--depth must be at least 1.") }
  }

  func run() throws {
    let network = try ModelCatalog.model(named: model)
    var configuration = network.defaultConfiguration
    configuration.resize(to: inputSize)
    configuration.padding = padding ?? configuration.padding
    form.apply(to: &configuration)
    let graph = try network.graph(configuration)
    let program = try ExecutionPlan(
      of: graph, options: InferenceSession.Options(threads: 1, backend: backend))
    let report =
      plan
      ? planReport(of: program, graph: graph)
      : summaryReport(of: graph, depth: depth, peak: program.peakActivationBytes)
    try report.write(as: format.format)
  }
}
