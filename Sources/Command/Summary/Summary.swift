import ArgumentParser
import CNNZoo

struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show networks' modules, shapes, parameters and costs; needs no weights.",
    discussion: """
      One network is shown as a tree of its modules, each with what is in it, and its shares of the \
      whole. Several are shown side by side, their stages aligned by how far the feature map is \
      reduced, with ratios to the first.

      MACs are multiply-accumulates of convolutions and linear layers, as published figures count \
      them; parameters are the trainable ones. Activations are the memory that inference needs for \
      the values of one image.

      json and jsonl hold every layer of one network, and the stages; csv has dotted paths and plain \
      numbers; markdown is for GitHub.
      """)

  @Argument(help: "The networks; see `cnnzoo models`.", completion: .networks)
  var models: [String]

  @Option(help: "Extent of the input, N or HEIGHTxWIDTH; by default the published one.")
  var inputSize: InputSize?

  @Option(
    help: "Levels of modules that are shown of one network; json has all layers. (default: 3)")
  var depth: Int?

  @Flag(help: "Show the compiled program of one network instead: steps, strategies, memory.")
  var plan = false

  @Option(help: "Who computes the convolutions, on which the program and its memory depend.")
  var backend = Backend.auto

  @Option(help: "The padding rule; by default that of the published weights.")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Form of the network") var form: NetworkForm

  func validate() throws {
    if let depth, depth < 1 { throw ValidationError("--depth must be at least 1.") }
    if models.count > 1 && (plan || depth != nil) {
      throw ValidationError("\(plan ? "--plan" : "--depth") is about one network.")
    }
  }

  func run() throws {
    let networks = try models.map { name throws in try costs(of: name) }
    try report(on: networks).write(as: format.format)
  }

  private func report(on networks: [NetworkCosts]) -> Report {
    if networks.count > 1 { return summaryComparison(networks) }
    return plan
      ? planReport(of: networks[0]) : summaryReport(of: networks[0], depth: depth ?? 3)
  }

  private func costs(of name: String) throws -> NetworkCosts {
    let network = try ModelCatalog.model(named: name)
    var configuration = network.defaultConfiguration
    configuration.resize(to: inputSize)
    configuration.padding = padding ?? configuration.padding
    form.apply(to: &configuration)
    return try NetworkCosts(of: network.graph(configuration), backend: backend)
  }
}
