import Host
import ArgumentParser
import CNNZoo

/// Images that a command is given one by one, in folders, or as a list.
struct ImageListOptions: ParsableArguments {
  @Option(help: "Images that are computed together; by default some for each thread.")
  var batch: Count?

  @Option(
    help: "A file with paths of images, one a line; - is standard input.", completion: .file())
  var filesFrom: String?

  @Flag(help: "The paths of --files-from end with zero bytes, not lines.")
  var null = false

  @Option(help: "What becomes of inputs that fail.")
  var onError = FailurePolicy.tell

  /// Refuses what standard input cannot give twice, and no images at all.
  func validate(_ inputs: [String], others: [String] = []) throws {
    if inputs.isEmpty && filesFrom == nil {
      throw ValidationError("Give images, folders, - or --files-from.")
    }
    if (inputs + others).count(where: { $0 == "-" }) + (filesFrom == "-" ? 1 : 0) > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
    if null && filesFrom == nil { throw ValidationError("--null is about --files-from.") }
  }

  /// The images.
  ///
  /// - Throws: `PathListError` where the list cannot be opened.
  func inputs(_ arguments: [String]) throws -> ImageInputs {
    ImageInputs(
      arguments: FilePath.paths(of: arguments),
      list: try filesFrom.map { path throws in try PathList(path, endedByZeros: null) })
  }

  /// Whether images or their paths come from standard input.
  func readsStandardInput(_ arguments: [String]) -> Bool {
    arguments.contains("-") || filesFrom == "-"
  }

  /// How many fared how, shown while it lasts.
  func tally(_ arguments: [String]) -> InputTally {
    InputTally(
      policy: onError,
      progress: ImageProgress(
        arguments: FilePath.paths(of: arguments), hasList: filesFrom != nil))
  }
}
