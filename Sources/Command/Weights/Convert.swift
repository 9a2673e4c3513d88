import ArgumentParser
import CNNZoo

/// How numbers of a weight file are stored.
enum StoredType: String, CaseIterable, ExpressibleByArgument {
  case f32
  case f16
  case bf16

  var elementType: ElementType {
    switch self {
    case .f32: .f32
    case .f16: .f16
    case .bf16: .bf16
    }
  }
}

struct Convert: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Turn a PyTorch or safetensors file into a safetensors file that says what it holds.",
    discussion: """
      Every tensor is checked against the network first, and all that differ are listed. The new \
      file carries the network's name, the recipe of its pictures and what else is given here.
      """)

  @Argument(help: "The file to read.", completion: .file())
  var input: String

  @Argument(help: "The safetensors file to write.", completion: .file())
  var output: String

  @Option(
    help: "The network whose weights these are; see `cnnzoo models`.", completion: .networks)
  var model: String

  @Option(help: "How numbers are stored; by default as they are.")
  var dtype: StoredType?

  @Option(help: "A file with the classes' names, one a line.", completion: .file())
  var labels: String?

  @Option(help: "Where the weights came from.")
  var source: String?

  @Option(help: "The licence of the weights.")
  var license: String?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Form of the network") var form: NetworkForm

  @OptionGroup(title: "Recipe (by default the published one)") var recipe: RecipeOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func run() throws {
    let file = try WeightFile(path: input, limits: limits.weights)
    let network = try LoadedNetwork(
      ModelCatalog.model(named: model), file: file, overrides: recipe.overrides,
      configure: form.apply)
    Diagnostics.tell(remarks: network.remarks)
    let conversion = try Conversion(
      of: network, as: dtype?.elementType, provenance: provenance())
    try Interrupts.deferred { () throws in try conversion.write(to: output) }
    try report(on: conversion).write(as: format.format)
  }

  private func provenance() throws -> Conversion.Provenance {
    var provenance = Conversion.Provenance()
    provenance.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    provenance.source = source
    provenance.license = license
    return provenance
  }

  private func report(on conversion: Conversion) throws -> Report {
    let written = try WeightFile(path: output, limits: limits.weights)
    let network = conversion.network
    let facts: JSON.Object = [
      "output": .string(output), "model": .string(network.model.name),
      "tensors": .integer(written.tensors.count),
      "parameters": .integer(network.graph.parameterCount),
      "bytes": .integer(written.byteCount),
    ]
    return Report(
      document: facts, records: [facts],
      table: Table(
        [
          .text("output"), .text("model"), .number("tensors"), .number("parameters"),
          .number("bytes"),
        ],
        rows: [
          [
            .text(output), .text(network.model.name), .integer(written.tensors.count),
            .integer(network.graph.parameterCount), .integer(written.byteCount),
          ]
        ]))
  }
}
