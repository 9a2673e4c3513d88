/// A picture of 8-bit RGB pixels in memory.
///
/// The pixels equal those of Pillow's `Image.open(…).convert("RGB")` bit for bit: gray is repeated
/// in the three channels, alpha is dropped, palettes are looked up, CMYK is converted.
public struct Image: Sendable, Equatable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The samples: rows from the top, in each row pixels from the left, in each pixel R, G, B;
  /// `3 * width * height` bytes.
  public let pixels: [UInt8]
  /// What was noticed while decoding; empty for most pictures.
  public let warnings: [ImageWarning]

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
    guard bytes.count <= limits.fileBytes else {
      throw .overLimit(
        source: source, format: nil,
        reason: "\(bytes.count) bytes exceed the limit of \(limits.fileBytes)")
    }
    guard let format = ImageFormat(magic: bytes) else { throw .unknownFormat(source: source) }
    do {
      let decoded =
        switch format {
        case .pnm: try decodePNM(bytes, limits: limits)
        case .jpeg: try decodeJPEG(bytes, limits: limits)
        case .png: try decodePNG(bytes, limits: limits)
        case .webp: try decodeWebP(bytes, limits: limits)
        }
      let image =
        applyOrientation ? decoded.orientation.upright(decoded.image) : decoded.image
      let count = image.width * image.height
      self.init(
        width: image.width, height: image.height, pixels: image.pixels,
        warnings: image.warnings
          + (count > limits.pixelsWithoutWarning ? [.manyPixels(count)] : []))
    } catch {
      throw error.error(source: source, format: format)
    }
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

/// What a decoder of one format hands over: the picture as stored, and how to turn it upright.
struct DecodedImage {
  var image: Image
  var orientation: Orientation = .upright
}
