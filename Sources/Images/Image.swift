/// An image of 8-bit RGB pixels in memory.
///
/// The pixels are bit-identical to those of Pillow's `Image.open(…).convert("RGB")`: gray is
/// repeated in three channels, alpha is dropped, palettes are applied, CMYK is converted.
public struct Image: Sendable, Equatable {
  /// The number of columns.
  public internal(set) var width: Int
  /// The number of rows.
  public internal(set) var height: Int
  /// The samples, `3 * width * height` bytes.
  ///
  /// Rows from top to bottom, pixels from left to right in each row, R, G, B in each pixel.
  public internal(set) var pixels: [UInt8]
  /// Warnings from decoding; empty for most images.
  public internal(set) var warnings: [ImageWarning]

  /// Creates an image from the given pixels.
  ///
  /// - Precondition: Both sides are positive and `pixels.count == 3 * width * height`.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "an image has at least one pixel")
    precondition(pixels.count == 3 * width * height, "an image has three bytes per pixel")
    self.init(width: width, height: height, pixels: pixels, warnings: [])
  }

  init(width: Int, height: Int, pixels: [UInt8], warnings: [ImageWarning]) {
    self.width = width
    self.height = height
    self.pixels = pixels
    self.warnings = warnings
  }

  /// Decodes a whole file in memory; shorthand for ``EncodedImage`` and ``EncodedImage/decode()``.
  ///
  /// - Throws: ``ImageError``; never ``ImageError/unreadable(source:reason:)``.
  public init(
    decoding bytes: [UInt8], named name: String = "image", limits: DecodingLimits = .standard,
    applyOrientation: Bool = true
  ) throws(ImageError) {
    self = try EncodedImage(
      bytes, named: name, limits: limits, applyOrientation: applyOrientation
    ).decode()
  }

  /// Reads and decodes a file; see ``EncodedImage/init(contentsOf:limits:applyOrientation:)``.
  public init(
    contentsOf path: String, limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    self = try EncodedImage(
      contentsOf: path, limits: limits, applyOrientation: applyOrientation
    ).decode()
  }
}
