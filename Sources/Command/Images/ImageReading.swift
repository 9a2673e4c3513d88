import Host
import CNNZoo
import Glibc

/// How images are read.
struct ImageReading: Sendable {
  var limits = DecodingLimits.standard
  var appliesOrientation = true
}

extension ImageInputs.Input {
  /// The image that a command takes one of: a path, or - for standard input.
  static func single(_ argument: String) -> ImageInputs.Input {
    guard argument != "-" else { return .standardInput }
    return .file(FilePath.paths(of: [argument])[0], isInFolder: false)
  }

  /// The decoded image, its warnings told.
  func image(_ reading: ImageReading) throws(ImageError) -> Image {
    let image = try encodedImage(reading).decode()
    for warning in image.warnings { Diagnostics.tell("\(name.terminalSafe()): \(warning)") }
    return image
  }

  /// The whole file, its headers read.
  func encodedImage(_ reading: ImageReading) throws(ImageError) -> EncodedImage {
    switch self {
    case .file(let path, _):
      try EncodedImage(
        contentsOfCPath: path.bytes, limits: reading.limits,
        applyOrientation: reading.appliesOrientation)
    case .standardInput:
      try EncodedImage(
        readingFrom: STDIN_FILENO, named: name, limits: reading.limits,
        applyOrientation: reading.appliesOrientation)
    case .failure(let path, let reason):
      throw ImageError.unreadable(source: path.shown, reason: reason)
    }
  }
}
