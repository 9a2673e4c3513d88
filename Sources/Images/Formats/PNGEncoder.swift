import CPNG

extension Image {
  /// The picture as the bytes of a PNG file, 8-bit RGB.
  ///
  /// - Throws: ``ImageEncodingError`` where memory runs out.
  public func encodedPNG() throws(ImageEncodingError) -> [UInt8] {
    var file = cpng_file()
    defer { cpng_free(&file) }
    cpng_encode_rgb(pixels, UInt32(width), UInt32(height), &file)
    if file.failed != 0 {
      throw ImageEncodingError(
        reason: withUnsafeBytes(of: &file.message) { text in
          String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.count))
  }
}

/// A picture that cannot be encoded.
public struct ImageEncodingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What the encoder says.
  public let reason: String

  /// One line.
  public var description: String { "the picture cannot be encoded as PNG: \(reason)" }
}
