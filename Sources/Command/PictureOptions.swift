import ArgumentParser
import CNNZoo

/// The pictures that a command is given.
struct PictureOptions: ParsableArguments {
  @Argument(help: "Files, folders, or -.", completion: .file())
  var inputs: [String] = []

  @Option(
    help: "A file with paths of pictures, one a line; - is standard input.", completion: .file())
  var filesFrom: String?

  @Flag(help: "The paths of --files-from end with zero bytes, not lines.")
  var null = false

  @Flag(help: "Ignore the orientation that a camera wrote into the file.")
  var noExif = false

  func validate() throws {
    if inputs.isEmpty && filesFrom == nil {
      throw ValidationError("Give pictures, folders, - or --files-from.")
    }
    if inputs.count(where: { $0 == "-" }) + (filesFrom == "-" ? 1 : 0) > 1 {
      throw ValidationError("Standard input can be read only once.")
    }
    if null && filesFrom == nil { throw ValidationError("--null is about --files-from.") }
  }

  /// Whether the pictures or their paths come from standard input.
  var readStandardInput: Bool { inputs.contains("-") || filesFrom == "-" }

  /// The inputs as the system names them.
  var paths: [PicturePath] { PicturePath.paths(of: inputs) }

  /// The inputs in their order.
  ///
  /// - Throws: `PathListError` where the list cannot be opened.
  func pictureInputs() throws(PathListError) -> PictureInputs {
    var list: PathList?
    if let filesFrom { list = try PathList(filesFrom, endedByZeros: null) }
    return PictureInputs(arguments: paths, list: list)
  }
}
