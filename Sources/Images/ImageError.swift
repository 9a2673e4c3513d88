/// Why an image cannot be read.
///
/// `source` is the given path, or the name passed with bytes or a file descriptor.
public enum ImageError: Error, Equatable, Hashable, Sendable {
  /// The input is missing, is a folder, or cannot be read.
  case unreadable(source: String, reason: String)
  /// The first bytes match no supported format.
  case unknownFormat(source: String)
  /// The file has a known format that is not supported, such as camera raw.
  case unsupportedFormat(source: String, name: String)
  /// The library that decodes the format, or its plug-in, is not installed or not usable.
  case unavailable(source: String, format: ImageFormat, reason: String)
  /// The data violates its format or ends too early.
  case malformed(source: String, format: ImageFormat, reason: String)
  /// The data may be valid, but uses an unsupported part of the format.
  case unsupported(source: String, format: ImageFormat, reason: String)
  /// The image exceeds one of the ``DecodingLimits``; `format` is `nil` if not known yet.
  case overLimit(source: String, format: ImageFormat?, reason: String)
}

extension ImageError: CustomStringConvertible {
  /// One line: the source, the format, what is wrong and what to do.
  public var description: String {
    switch self {
    case .unreadable(let source, let reason):
      return "\(source): \(reason)"
    case .unknownFormat(let source):
      return "\(source): not an image in a supported format (JPEG, PNG, WebP, HEIC, AVIF, TIFF, "
        + "GIF, BMP, PNM)"
    case .unsupportedFormat(let source, let name):
      return "\(source): \(name) is not supported; export it as JPEG, PNG or TIFF"
    case .unavailable(let source, let format, let reason):
      return "\(source): cannot decode \(format): \(reason)"
    case .malformed(let source, let format, let reason):
      return "\(source): damaged \(format) data: \(reason); get an intact copy of the file"
    case .unsupported(let source, let format, let reason):
      return "\(source): unsupported \(format) data: \(reason); convert it to an 8-bit PNG"
    case .overLimit(let source, let format, let reason):
      let kind = format.map { "\($0) data" } ?? "input"
      return "\(source): \(kind) over a limit: \(reason); shrink it, or raise the limit"
    }
  }
}

/// A warning about a decoded image.
public enum ImageWarning: Equatable, Hashable, Sendable, CustomStringConvertible {
  /// The image has this many pixels, more than ``DecodingLimits/pixelsWithoutWarning``.
  case manyPixels(Int)
  /// The image data is damaged or ends early, and the decoder filled in what is missing.
  ///
  /// The reason is libjpeg's.
  case damaged(String)
  /// Some samples of a 16-bit gray image exceed 255 and became white, as in Pillow's
  /// `convert("RGB")`.
  case clippedGray

  /// One line of explanation.
  public var description: String {
    switch self {
    case .manyPixels(let count):
      return "\(count) pixels: decoding takes a lot of time and memory"
    case .damaged(let reason):
      return "damaged image data, decoded as far as possible: \(reason)"
    case .clippedGray:
      return "16-bit gray above 255 was clipped to white; scale the samples to 8 bits first"
    }
  }
}

/// What is wrong with a file of a known format; ``EncodedImage`` adds the source and the format.
enum DecodingFailure: Error {
  case malformed(String)
  case unsupported(String)
  case overLimit(String)
  /// The library for the format is missing.
  case unavailable(String)
  /// The file turned out to have another format than its first bytes suggest.
  case foreign(UnsupportedFormat)

  func error(source: String, format: ImageFormat) -> ImageError {
    switch self {
    case .malformed(let reason):
      return .malformed(source: source, format: format, reason: reason)
    case .unsupported(let reason):
      return .unsupported(source: source, format: format, reason: reason)
    case .overLimit(let reason):
      return .overLimit(source: source, format: format, reason: reason)
    case .unavailable(let reason):
      return .unavailable(source: source, format: format, reason: reason)
    case .foreign(let format):
      return .unsupportedFormat(source: source, name: format.name)
    }
  }
}
