import ArgumentParser
import CNNZoo

struct Summary: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Show modules, shapes, parameters and MACs of networks.",
    discussion: """
      Shows one network as a tree of modules with their share of the total, or several networks side \
      by side, aligned by stage, with ratios to the first. No weights are needed; \
      --precision auto is f32.

      MACs are multiply-accumulates of convolutions and linear layers, as in published figures; \
      only trainable parameters count. Activations are the memory that inference on one image needs.

      For one network, json and jsonl include every layer and stage; csv has dotted paths and \
      plain numbers.
      """)

  @Argument(help: "Networks; see `cnnzoo models`.", completion: .networks)
  var models: [String]

  @Option(help: "Input size: N or HEIGHTxWIDTH (default: as published).")
  var inputSize: InputSize?

  @Option(
    help:
      "Depth of the module tree (default: 3; without stages: 1); json always includes all layers.")
  var depth: Int?

  @Flag(help: "Show the compiled program instead: steps, strategies, memory.")
  var plan = false

  @OptionGroup var compute: ComputeOptions

  @Option(help: "Padding rule (default: as published).")
  var padding: Padding?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Network variant") var variant: MeasuredVariantOptions

  func validate() throws {
    if let depth, depth < 1 { throw ValidationError("--depth must be at least 1.") }
    if models.count > 1 && plan { throw ValidationError("--plan needs a single network.") }
  }

  func run() throws {
    if plan { try Diagnostics.warnIfEmulated(compute.precisionWithoutWeights) }
    let networks = try models.map { name throws in try costs(of: name) }
    try report(on: networks).write(as: format.format)
  }

  private func report(on networks: [NetworkCosts]) -> Report {
    if networks.count > 1 { return summaryComparison(networks, withStages: depth ?? 2 > 1) }
    return plan
      ? planReport(of: networks[0]) : summaryReport(of: networks[0], depth: depth ?? 3)
  }

  private func costs(of name: String) throws -> NetworkCosts {
    let network = try ModelCatalog.model(named: name)
    var configuration = network.defaultConfiguration
    configuration.resize(to: inputSize)
    configuration.padding = padding ?? configuration.padding
    variant.apply(to: &configuration)
    return try NetworkCosts(
      of: network.graph(configuration), backend: compute.backend,
      precision: compute.precisionWithoutWeights)
  }
}
