import ArgumentParser
import CNNZoo

/// Element types for stored weights.
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
    abstract: "Convert weights to safetensors with complete metadata.",
    discussion: """
      Checks every tensor against the network and lists all mismatches. The new file's metadata \
      contains the network's name, preprocessing, labels, source and licence. Of a training \
      checkpoint, only the weights are written: the averaged ones (EMA) if there are any, unless \
      --no-ema is given.
      """)

  @Argument(
    help: "Input: a PyTorch or safetensors file, or the index of a divided one.",
    completion: .file())
  var input: String

  @Argument(help: "Output: a safetensors file.", completion: .file())
  var output: String

  @Option(
    help: "Network that the weights belong to; see `cnnzoo models`.", completion: .networks)
  var model: String?

  @OptionGroup var reading: WeightOptions

  @Option(help: "Element type (default: unchanged).")
  var dtype: StoredType?

  @Option(help: "Class names: a file with one per line, or JSON.", completion: .file())
  var labels: String?

  @Option(help: "Output activation to record: softmax, sigmoid or none.")
  var activation: OutputActivation?

  @Option(help: "Source of the weights.")
  var source: String?

  @Option(help: "Licence of the weights.")
  var license: String?

  @OptionGroup var format: FormatOption

  @OptionGroup(title: "Network variant") var variant: VariantOptions

  @OptionGroup(title: "Preprocessing (default: as published)") var preprocessing:
    PreprocessingOptions

  @OptionGroup(title: "Limits") var limits: LimitOptions

  func run() throws {
    try OutputFile.check(output, is: [.safetensors])
    let network = try LoadedNetwork(
      model.map(ModelCatalog.model), weights: input, limits: limits.weights,
      usesEMA: !reading.noEma, overrides: preprocessing.overrides, configure: variant.apply)
    Diagnostics.warn(network.warnings)
    if let note = network.tensors.note { Diagnostics.log(note.terminalSafe()) }
    let conversion = try Conversion(
      of: network, as: dtype?.elementType, provenance: provenance())
    try Interrupts.deferred { () throws in try conversion.write(to: output) }
    try report(on: conversion).write(as: format.format)
  }

  private func provenance() throws -> Conversion.Provenance {
    var provenance = Conversion.Provenance()
    provenance.labels = try labels.map { path throws in try Labels(contentsOf: path) }
    provenance.activation = activation
    provenance.source = source
    provenance.license = license
    return provenance
  }

  private func report(on conversion: Conversion) throws -> Report {
    let written = try WeightFile(path: output, limits: limits.weights)
    let network = conversion.network
    let result: JSON.Object =
      [
        "output": .string(output), "model": .string(network.model.name),
        "tensors": .integer(written.tensors.count),
        "parameters": .integer(network.graph.parameterCount),
        "bytes": .integer(written.byteCount),
      ] + network.facts
    return Report(
      document: result, records: [result],
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
