/// What the headers of an encoded picture say, read and found within the limits before anything
/// large is allocated.
protocol EncodedImage {
  /// Reads the headers of a whole file, which begins as its format's files do.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure)

  var width: Int { get }
  var height: Int { get }
  /// How the stored rows and columns lie.
  var orientation: Orientation { get }
  /// The bytes of the array that the pixels are decoded into.
  var pixelBytes: Int { get }
  /// The bytes that the codec keeps at most beside those: of the picture as a whole, and of its
  /// rows.
  var codecBytes: Int { get }

  /// Decodes the file that the headers were read from to the picture as stored.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image
}

extension EncodedImage {
  var pixelBytes: Int { 3 * width * height }

  /// The most bytes that the picture takes on its way to upright pixels, the file not counted.
  ///
  /// The codec's memory is gone when the picture is turned. 2 MiB stand for all that is small.
  /// Within the limits nothing overflows.
  func decodingBytes(applyOrientation: Bool) -> Int {
    let turning = applyOrientation && orientation.swapsSides ? 3 * width * height : 0
    return pixelBytes + max(codecBytes, turning) + 2 << 20
  }
}

extension ImageFormat {
  /// Reads the headers of a file of this format.
  func headers(
    of bytes: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) -> any EncodedImage {
    switch self {
    case .pnm: try PNMHeader(bytes, limits: limits)
    case .jpeg: try JPEGStructure(bytes, limits: limits)
    case .png: try PNGStructure(bytes, limits: limits)
    case .webp: try WebPStructure(bytes, limits: limits)
    }
  }
}

extension Image {
  /// The memory in bytes that decoding a file takes at most, beside the file itself: pixels, the
  /// codec's own, and what turning them upright needs.
  ///
  /// Read from the headers; nothing is decoded and nothing large is allocated, so that a program
  /// which decodes several pictures at once can first see what fits. The arguments and errors are
  /// those of ``init(decoding:named:limits:applyOrientation:)-(UnsafeRawBufferPointer,_,_,_)``,
  /// which still fails where the pixels are damaged. A picture that needs more than
  /// ``DecodingLimits/memoryBytes`` has no answer but that error.
  public static func decodingMemory(
    of bytes: UnsafeRawBufferPointer, named source: String = "image",
    limits: DecodingLimits = .standard, applyOrientation: Bool = true
  ) throws(ImageError) -> Int {
    try headers(of: bytes, named: source, limits: limits, applyOrientation: applyOrientation).memory
  }

  /// The format and headers of a file that is within all limits, and the memory that it takes.
  static func headers(
    of bytes: UnsafeRawBufferPointer, named source: String, limits: DecodingLimits,
    applyOrientation: Bool
  ) throws(ImageError) -> (format: ImageFormat, picture: any EncodedImage, memory: Int) {
    guard bytes.count <= limits.fileBytes else {
      throw .overLimit(
        source: source, format: nil,
        reason: "\(bytes.count) bytes exceed the limit of \(limits.fileBytes)")
    }
    guard let format = ImageFormat(magic: bytes) else { throw .unknownFormat(source: source) }
    do {
      let picture = try format.headers(of: bytes, limits: limits)
      let memory = picture.decodingBytes(applyOrientation: applyOrientation)
      try limits.check(memory: memory, width: picture.width, height: picture.height)
      return (format, picture, memory)
    } catch {
      throw error.error(source: source, format: format)
    }
  }
}
