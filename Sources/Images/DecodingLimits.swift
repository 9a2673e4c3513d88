/// Limits on images, checked before any work is done.
///
/// Every image may be hostile: a file of a few hundred bytes can declare a raster of many
/// gigabytes. All limits apply to the declared sizes, before memory is allocated.
public struct DecodingLimits: Sendable, Equatable, Hashable {
  /// The largest number of pixels, width × height, to decode.
  public var pixels: Int
  /// The number of pixels above which a decoded image carries ``ImageWarning/manyPixels(_:)``.
  public var pixelsWithoutWarning: Int
  /// The largest size of an encoded file in bytes.
  public var fileBytes: Int
  /// The largest width and height in pixels.
  public var side: Int
  /// The largest number of bytes for decoding, excluding the file: see
  /// ``EncodedImage/decodingMemory``.
  public var memoryBytes: Int
  /// The largest number of scans in a JPEG.
  ///
  /// Each scan of a progressive file visits the whole image: a small file with thousands of scans
  /// would keep a processor busy for hours.
  public var jpegScans: Int
  /// The largest number of samples that the scans of a JPEG visit in total.
  ///
  /// A scan of the largest images fits into a few bytes and takes a tenth of a second. With
  /// arithmetic coding, which is about eight times slower, each sample counts as eight.
  public var jpegVisitedSamples: Int
  /// The largest size in bytes of one ancillary PNG chunk.
  public var pngAncillaryChunkBytes: Int
  /// The processor time in seconds after which the decoding of a TIFF's strips and tiles ends, and that
  /// the slices and tiles of a HEIC or AVIF may take at most.
  ///
  /// HEIC is assumed to take a second for five megapixels, which only hostile files do. Above a
  /// megabyte, a file may take longer. The other formats' headers bound the time.
  public var seconds: Int

  /// The default limits.
  ///
  /// About 179 megapixels, 512 MiB, 65 535 pixels per side, 768 MiB of memory, 100 scans with 2³²
  /// samples in total, 8 MiB per ancillary chunk, and 8 s of processor time.
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
    pngAncillaryChunkBytes: Int = 8 << 20,
    seconds: Int = 8
  ) {
    self.pixels = pixels
    self.pixelsWithoutWarning = pixelsWithoutWarning
    self.fileBytes = fileBytes
    self.side = side
    self.memoryBytes = memoryBytes
    self.jpegScans = jpegScans
    self.jpegVisitedSamples = jpegVisitedSamples
    self.pngAncillaryChunkBytes = pngAncillaryChunkBytes
    self.seconds = seconds
  }

  /// Throws unless both sides are positive and within ``side`` and ``pixels``.
  ///
  /// Afterwards, `64 * width * height` is known not to overflow.
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
