import ArgumentParser
import CNNZoo

struct ShowEnvironment: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env",
    abstract: "Show what of this machine decides speed, and where weights are looked for.")

  @OptionGroup var format: FormatOption

  func run() throws {
    let facts = try EnvironmentFacts()
    let folders = WeightSearch.standard().folders
    let members = facts.json + ["weight_folders": .array(folders.map(JSON.string))]
    try Report(
      document: members, records: [members],
      table: Table(
        [.text("fact"), .text("value")],
        rows: (facts.lines + folders.map { ("weights", $0) }).map { [.text($0), .text($1)] }),
      notes: facts.warning.map { ["warning: \($0)"] } ?? []
    ).write(as: format.format)
  }
}

/// What of this machine and process a measurement depends on.
package struct EnvironmentFacts {
  let processor = HostFacts.processor
  let allowedThreads = HostFacts.allowedThreads
  let allowedProcessors = HostFacts.allowedProcessors
  let instructionSet: String
  /// Threads that ran or waited to run in the last minute, those of other programs included.
  let load = HostFacts.load
  let openBLASCore = HostFacts.openBLASCore
  let openBLASPin = HostFacts.openBLASPin
  let warning = HostFacts.warning

  package init() throws {
    instructionSet = try HostFacts.instructionSet()
  }

  /// For people: each fact with its name.
  var lines: [(String, String)] {
    [
      ("version", BuildVersion.text), ("processor", processor),
      ("threads allowed", "\(allowedThreads)"),
      ("processors allowed", allowedProcessors ?? "not told"),
      ("load", load.map { NumberText.fixed($0, 2) } ?? "not told"),
      ("instruction set", instructionSet),
      ("OpenBLAS core", openBLASCore ?? "not installed"),
      ("OPENBLAS_CORETYPE", openBLASPin ?? "not set"),
    ]
  }

  /// Those that two measurements should have in common.
  var comparable: [String: String] {
    var facts = [
      "processor": processor, "threads_allowed": "\(allowedThreads)",
      "instruction_set": instructionSet,
    ]
    facts["openblas_core"] = openBLASCore
    return facts
  }

  var json: JSON.Object {
    [
      "version": .string(BuildVersion.text), "processor": .string(processor),
      "threads_allowed": .integer(allowedThreads),
      "processors_allowed": .optional(allowedProcessors),
      "load": load.map(JSON.number) ?? .null, "instruction_set": .string(instructionSet),
      "openblas_core": .optional(openBLASCore), "openblas_pin": .optional(openBLASPin),
      "warning": .optional(warning),
    ]
  }
}
