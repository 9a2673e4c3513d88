import Host
import ArgumentParser
import CNNZoo

/// Pictures that a command is given one by one, in folders, or as a list.
struct PictureListOptions: ParsableArguments {
  @Option(help: "Pictures that are computed together; by default some for each thread.")
  var batch: Count?

  @Option(
    help: "A file with paths of pictures, one a line; - is standard input.", completion: .file())
  var filesFrom: String?

  @Flag(help: "The paths of --files-from end with zero bytes, not lines.")
  var null = false

  @Option(help: "What becomes of inputs that fail.")
  var onError = FailurePolicy.tell

  /// Refuses what standard input cannot give twice, and no pictures at all.
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
  ///
  /// - Throws: `PathListError` where the list cannot be opened.
  func inputs(_ arguments: [String]) throws -> PictureInputs {
    PictureInputs(
      arguments: FilePath.paths(of: arguments),
      list: try filesFrom.map { path throws in try PathList(path, endedByZeros: null) })
  }

  /// Whether pictures or their paths come from standard input.
  func readsStandardInput(_ arguments: [String]) -> Bool {
    arguments.contains("-") || filesFrom == "-"
  }

  /// How many fared how, shown while it lasts.
  func tally(_ arguments: [String]) -> InputTally {
    InputTally(
      policy: onError,
      progress: PictureProgress(
        arguments: FilePath.paths(of: arguments), hasList: filesFrom != nil))
  }
}
