/// Limits that an image must meet before any work is spent on it.
///
/// Every image is hostile until checked: a file of a few hundred bytes can declare a raster of many
/// gigabytes. All limits apply to the declared sizes, before memory is allocated.
public struct DecodingLimits: Sendable, Equatable, Hashable {
  /// The largest number of pixels, width × height, that is decoded.
  public var pixels: Int
  /// The number of pixels above which a decoded image carries ``ImageWarning/manyPixels(_:)``.
  public var pixelsWithoutWarning: Int
  /// The largest size of an encoded file in bytes.
  public var fileBytes: Int
  /// The largest width and height in pixels.
  public var side: Int
  /// The largest number of bytes that decoding takes, the file not included: see
  /// ``EncodedImage/decodingMemory``.
  public var memoryBytes: Int
  /// The largest number of scans in a JPEG.
  ///
  /// Each scan of a progressive file visits the whole image: a small file with thousands of scans
  /// would keep a processor busy for hours.
  public var jpegScans: Int
  /// The largest number of samples that the scans of a JPEG visit in total.
  ///
  /// A scan over the largest images fits into a few bytes and takes a tenth of a second. Arithmetic
  /// coding counts eightfold, because it is that much slower.
  public var jpegVisitedSamples: Int
  /// The largest size in bytes of one ancillary PNG chunk.
  public var pngAncillaryChunkBytes: Int

  /// The default limits: about 179 megapixels, 512 MiB, 65 535 per side,
  /// 768 MiB of memory, 100 scans of 2³² samples together, 8 MiB of an ancillary chunk.
  public static let standard = DecodingLimits()

  /// Creates limits; every argument defaults to its value in ``standard``.
  public init(
    pixels: Int = 178_956_970,
    pixelsWithoutWarning: Int = 89_478_485,
    fileBytes: Int = 512 << 20,
    side: Int = 65_535,
    memoryBytes: Int = 768 << 20,
    jpegScans: Int = 100,
    jpegVisitedSamples: Int = 1 << 32,
    pngAncillaryChunkBytes: Int = 8 << 20
  ) {
    self.pixels = pixels
    self.pixelsWithoutWarning = pixelsWithoutWarning
    self.fileBytes = fileBytes
    self.side = side
    self.memoryBytes = memoryBytes
    self.jpegScans = jpegScans
    self.jpegVisitedSamples = jpegVisitedSamples
    self.pngAncillaryChunkBytes = pngAncillaryChunkBytes
  }

  /// Throws unless a raster of this size is positive and within ``side`` and ``pixels``.
  ///
  /// Afterwards `64 * width * height` is known to be representable.
  func check(width: Int, height: Int) throws(DecodingFailure) {
    guard width > 0, height > 0 else {
      throw .malformed("the size \(width)x\(height) has a zero or negative side")
    }
    guard width <= side, height <= side else {
      throw .overLimit("the size \(width)x\(height) exceeds the limit of \(side) per side")
    }
    let (count, overflow) = width.multipliedReportingOverflow(by: height)
    guard !overflow, count <= min(pixels, Int.max / 64) else {
      throw .overLimit("the size \(width)x\(height) exceeds the limit of \(pixels) pixels")
    }
  }

  /// Throws if decoding an image of this size takes more than ``memoryBytes``.
  func check(memory: Int, width: Int, height: Int) throws(DecodingFailure) {
    guard memory <= memoryBytes else {
      let mebibyte = 1 << 20
      throw .overLimit(
        "decoding its \(width)x\(height) pixels takes \((memory + mebibyte - 1) / mebibyte) MiB, "
          + "the limit is \(memoryBytes / mebibyte) MiB")
    }
  }
}
