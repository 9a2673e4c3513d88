/// A picture of 8-bit RGB pixels in memory.
///
/// The pixels equal those of Pillow's `Image.open(…).convert("RGB")` bit for bit: gray is repeated
/// in the three channels, alpha is dropped, palettes are looked up, CMYK is converted.
public struct Image: Sendable, Equatable {
  /// The number of columns.
  public internal(set) var width: Int
  /// The number of rows.
  public internal(set) var height: Int
  /// The samples: rows from the top, in each row pixels from the left, in each pixel R, G, B;
  /// `3 * width * height` bytes.
  public internal(set) var pixels: [UInt8]
  /// What was noticed while decoding; empty for most pictures.
  public private(set) var warnings: [ImageWarning]

  /// Creates an image of the given pixels.
  ///
  /// - Precondition: both sides are positive and `pixels.count == 3 * width * height`.
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

  /// Decodes a whole file that lies in memory; its format is decided by its first bytes alone.
  ///
  /// - Parameters:
  ///   - bytes: The encoded file; PNM, JPEG, PNG or WebP.
  ///   - source: What error messages call the picture.
  ///   - limits: Bounds checked before any work is done.
  ///   - applyOrientation: Whether to turn the picture upright as its EXIF orientation says.
  ///     Damaged EXIF data and values outside 1…8 are ignored.
  /// - Throws: ``ImageError``; never ``ImageError/unreadable(source:reason:)``.
  public init(
    decoding bytes: UnsafeRawBufferPointer, named source: String = "image",
    limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    let (format, picture, memory) = try Image.headers(
      of: bytes, named: source, limits: limits, applyOrientation: applyOrientation)
    guard memory < 16 << 20 || hasAddressSpace(for: memory) else {
      throw .overLimit(
        source: source, format: format,
        reason: "decoding takes \(memory >> 20) MiB, more than this process can have")
    }
    do {
      self = try picture.decode(bytes)
    } catch {
      throw error.error(source: source, format: format)
    }
    if applyOrientation { picture.orientation.turnUpright(&self) }
    let count = width * height
    if count > limits.pixelsWithoutWarning { warnings.append(.manyPixels(count)) }
  }

  /// Decodes a whole file that lies in an array; see
  /// ``init(decoding:named:limits:applyOrientation:)-(UnsafeRawBufferPointer,_,_,_)``.
  public init(
    decoding bytes: [UInt8], named source: String = "image",
    limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) {
    let result = bytes.withUnsafeBytes { raw in
      Result { () throws(ImageError) in
        try Image(
          decoding: raw, named: source, limits: limits, applyOrientation: applyOrientation)
      }
    }
    self = try result.get()
  }
}
