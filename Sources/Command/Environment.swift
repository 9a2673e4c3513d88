import ArgumentParser
import CNNZoo

struct ShowEnvironment: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "env",
    abstract: "Show settings that affect speed, and where weights are searched for.")

  @OptionGroup var format: FormatOption

  func run() throws {
    let environment = try EnvironmentInfo()
    let folders = WeightSearch.standard().folders
    let members = environment.json + ["weight_folders": .array(folders.map(JSON.string))]
    try Report(
      document: members, records: [members],
      table: Table(
        [.text("property"), .text("value")],
        rows: (environment.lines + folders.map { ("weights", $0) }).map { [.text($0), .text($1)] }),
      notes: environment.warning.map { ["warning: \($0)"] } ?? []
    ).write(as: format.format)
  }
}

/// Properties of the machine and process that affect a measurement.
package struct EnvironmentInfo {
  let processor = HostInfo.processor
  let allowedThreads = HostInfo.allowedThreads
  let allowedProcessors = HostInfo.allowedProcessors
  let instructionSet: String
  /// How each precision is computed: `native` or `emulated`.
  let precisions: [(name: String, how: String)]
  /// The one-minute load average: runnable threads of all programs.
  let load = HostInfo.load
  let openBLASCore = HostInfo.openBLASCore
  let openBLASPin = HostInfo.openBLASPin
  let warning = HostInfo.warning

  package init() throws {
    instructionSet = try HostInfo.instructionSet()
    precisions = try Precision.allCases.map {
      ($0.rawValue, try $0.isEmulated() ? "emulated" : "native")
    }
  }

  /// Name and value of each property, for text output.
  var lines: [(String, String)] {
    [
      ("version", BuildVersion.text), ("processor", processor),
      ("threads allowed", "\(allowedThreads)"),
      ("processors allowed", allowedProcessors ?? "unknown"),
      ("load", load.map { NumberText.fixed($0, 2) } ?? "unknown"),
      ("instruction set", instructionSet),
      ("precisions", precisions.map { "\($0.name) \($0.how)" }.joined(separator: ", ")),
      ("OpenBLAS core", openBLASCore ?? "not installed"),
      ("OPENBLAS_CORETYPE", openBLASPin ?? "not set"),
    ]
  }

  /// The properties that must match for measurements to be comparable.
  var comparable: [String: String] {
    var properties = [
      "processor": processor, "threads_allowed": "\(allowedThreads)",
      "instruction_set": instructionSet,
    ]
    properties["openblas_core"] = openBLASCore
    return properties
  }

  var json: JSON.Object {
    [
      "version": .string(BuildVersion.text), "processor": .string(processor),
      "threads_allowed": .integer(allowedThreads),
      "processors_allowed": .optional(allowedProcessors),
      "load": load.map(JSON.number) ?? .null, "instruction_set": .string(instructionSet),
      "precisions": .object(JSON.Object(precisions.map { ($0.name, .string($0.how)) })),
      "openblas_core": .optional(openBLASCore), "openblas_pin": .optional(openBLASPin),
      "warning": .optional(warning),
    ]
  }
}
