import CWebP

/// The contents of a WebP file's chunks.
///
/// RFC 9649, section 2. Only the first frame of an animation is read, as in Pillow.
struct WebPHeader {
  /// The canvas in pixels.
  var width: Int
  var height: Int
  /// The image's position on the canvas, and its size.
  var frame: (x: Int, y: Int, width: Int, height: Int)
  /// The position of the `VP8 ` or `VP8L` chunk and the `ALPH` chunk before it.
  ///
  /// libwebp gets nothing after them, so that a damaged bit stream cannot run into the metadata.
  var stream: Range<Int>
  var isLossless: Bool
  /// Whether there is an `ALPH` chunk.
  ///
  /// Its pixels are dropped, but it must not be damaged.
  var hasAlphaChunk: Bool
  /// The size in bytes of a lossless decoder's tables.
  var tableBytes = 0
  var orientation: Orientation = .upright
}

extension WebPHeader {
  /// Walks over the chunks of a file that begins with `RIFF`, a size and `WEBP`.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    // The RIFF size counts the bytes that follow it; any bytes after those are ignored.
    guard let size = bytes.littleEndian(UInt32.self, at: 4),
      let file = bytes.slice(at: 0, count: size + 8)
    else { throw .malformed("the file is shorter than its header says: it is truncated") }
    var features: WebPFeatures = []
    var canvas: (width: Int, height: Int)?
    var corner = (x: 0, y: 0)
    var alphaStart: Int?
    var hasAnimationChunk = false
    var image: UnsafeRawBufferPointer?
    var exif: UnsafeRawBufferPointer?
    var xmp: UnsafeRawBufferPointer?
    var offset = 12
    while offset < file.count {
      let chunk = try RIFFChunk(in: file, at: offset)
      if offset == 12, chunk.type.begins(with: "VP8X") {
        guard let flags = chunk.data.byte(at: 0), let width = chunk.data.littleEndian24(at: 4),
          let height = chunk.data.littleEndian24(at: 7)
        else { throw .malformed("the VP8X chunk has \(chunk.data.count) bytes, not 10") }
        features = WebPFeatures(rawValue: flags)
        guard features.isSubset(of: .all) else {
          throw .malformed("the VP8X chunk has unknown flags")
        }
        canvas = (width + 1, height + 1)
      } else if offset == 12, !chunk.isImage {
        throw .malformed("the first chunk is neither image data nor VP8X")
      } else if chunk.type.begins(with: "ALPH"), !features.contains(.animation) {
        alphaStart = alphaStart ?? offset
      } else if chunk.isImage, !features.contains(.animation), image == nil {
        image = file.slice(at: alphaStart ?? offset, count: chunk.end - (alphaStart ?? offset))
      } else if chunk.type.begins(with: "ANIM"), features.contains(.animation) {
        hasAnimationChunk = true
      } else if chunk.type.begins(with: "ANMF"), features.contains(.animation), image == nil {
        guard hasAnimationChunk else { throw .malformed("a frame comes before the ANIM chunk") }
        (corner, image) = try firstFrame(chunk.paddedData)
      } else if chunk.type.begins(with: "EXIF"), features.contains(.exif) {
        exif = exif ?? chunk.data
      } else if chunk.type.begins(with: "XMP "), features.contains(.xmp) {
        xmp = xmp ?? chunk.data
      }
      offset = chunk.end
    }
    guard let image else { throw .malformed("it contains no image") }
    let start = image.baseAddress! - bytes.baseAddress!
    stream = start..<start + image.count
    isLossless = image.begins(with: "VP8L")
    hasAlphaChunk = image.begins(with: "ALPH")

    var storedWidth: CInt = 0
    var storedHeight: CInt = 0
    guard
      WebPGetInfo(
        image.bindMemory(to: UInt8.self).baseAddress, image.count, &storedWidth, &storedHeight)
        != 0
    else { throw .malformed("the image's header cannot be read") }
    let stored = (width: Int(storedWidth), height: Int(storedHeight))
    // Without an extended header, the canvas has the image's own size.
    (width, height) = canvas ?? stored
    try limits.check(width: width, height: height)
    frame = (corner.x, corner.y, stored.width, stored.height)
    // Only the frames of an animation can be smaller than the canvas.
    guard frame.x + frame.width <= width, frame.y + frame.height <= height,
      features.contains(.animation) || (frame.width, frame.height) == (width, height)
    else { throw .malformed("the image's size differs from the declared one") }
    guard
      let data = image.littleEndian(UInt32.self, at: 4).flatMap({ length in
        image.slice(at: 8, count: length)
      })
    else { throw .malformed("a chunk is cut short") }
    if isLossless {
      tableBytes = VP8LHeader(data).tableBytes
    } else if hasAlphaChunk, let method = data.byte(at: 0), method & 3 == 1 {
      tableBytes =
        VP8LHeader(
          UnsafeRawBufferPointer(rebasing: data[1...]), width: frame.width, height: frame.height
        ).tableBytes
    }
    orientation = Orientation(exif: exif, xmp: xmp)
  }
}

/// The flags of an extended header that matter here.
private struct WebPFeatures: OptionSet {
  let rawValue: UInt8
  static let animation = WebPFeatures(rawValue: 0x02)
  static let xmp = WebPFeatures(rawValue: 0x04)
  static let exif = WebPFeatures(rawValue: 0x08)
  /// Also the flags for alpha and a colour profile.
  static let all = WebPFeatures(rawValue: 0x3E)
}

/// One chunk: type, length, data, and a byte of padding where the length is odd.
private struct RIFFChunk {
  let type: UnsafeRawBufferPointer
  let data: UnsafeRawBufferPointer
  /// The data and the padding.
  let paddedData: UnsafeRawBufferPointer
  /// Where the next chunk begins.
  let end: Int

  init(in file: UnsafeRawBufferPointer, at offset: Int) throws(DecodingFailure) {
    guard let type = file.slice(at: offset, count: 4),
      let length = file.littleEndian(UInt32.self, at: offset + 4),
      let data = file.slice(at: offset + 8, count: length),
      let paddedData = file.slice(at: offset + 8, count: length + length % 2)
    else { throw .malformed("a chunk is cut short") }
    self.type = type
    self.data = data
    self.paddedData = paddedData
    end = offset + 8 + paddedData.count
  }

  var isImage: Bool { type.begins(with: "VP8 ") || type.begins(with: "VP8L") }
}

/// The upper left corner of an animation's frame on the canvas, and its image.
///
/// As in libwebp, the size that the frame declares is ignored in favour of the image's.
private func firstFrame(
  _ data: UnsafeRawBufferPointer
) throws(DecodingFailure) -> (corner: (x: Int, y: Int), image: UnsafeRawBufferPointer?) {
  guard let halfX = data.littleEndian24(at: 0), let halfY = data.littleEndian24(at: 3),
    data.count >= 16
  else { throw .malformed("the first frame is cut short") }
  var start = 16
  var offset = start
  while offset < data.count {
    let chunk = try RIFFChunk(in: data, at: offset)
    if chunk.isImage {
      return ((2 * halfX, 2 * halfY), data.slice(at: start, count: chunk.end - start))
    }
    offset = chunk.end
    if !chunk.type.begins(with: "ALPH") { start = offset }
  }
  return ((2 * halfX, 2 * halfY), nil)
}

extension UnsafeRawBufferPointer {
  fileprivate func littleEndian24(at offset: Int) -> Int? {
    guard let low = littleEndian(UInt16.self, at: offset), let high = byte(at: offset + 2) else {
      return nil
    }
    return low | Int(high) << 16
  }
}

extension WebPHeader: ImageHeader {
  /// The memory of the decoder besides the RGB pixels.
  ///
  /// A lossless image is unpacked to 4 bytes per pixel before it becomes RGB, in addition to its
  /// transforms and prefix codes. An alpha chunk may be a lossless image itself. For a lossy image,
  /// some rows and a few bytes for each block of 16 x 16 are kept.
  var codecBytes: Int {
    let whole = isLossless || hasAlphaChunk ? 5 * frame.width * frame.height : 0
    return whole + 256 * frame.width + tableBytes
  }

  /// Decodes to RGB as Pillow does; of an animation, the first frame on a black canvas.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    let stored = UnsafeRawBufferPointer(rebasing: bytes[stream])
    let stride = 3 * width
    let count = stride * height
    var decoded = false
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let coversCanvas = (width, height) == (frame.width, frame.height)
      if !coversCanvas { buffer.initialize(repeating: 0) }
      let start = frame.y * stride + 3 * frame.x
      decoded =
        WebPDecodeRGBInto(
          stored.bindMemory(to: UInt8.self).baseAddress, stored.count,
          buffer.baseAddress.map { $0 + start }, count - start, CInt(stride)) != nil
      if decoded { filled = count }
    }
    guard decoded else { throw .malformed("the image data is damaged or truncated") }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }
}

extension WebPHeader: ScaledDecoding {
  /// An animation's frame that leaves a part of the canvas free is not scaled.
  var divisors: [Int] { (width, height) == (frame.width, frame.height) ? [8, 4, 2] : [] }

  /// Decodes to RGB at a smaller size; libwebp averages.
  func decode(
    _ bytes: UnsafeRawBufferPointer, dividedBy divisor: Int
  ) throws(DecodingFailure) -> Image {
    let stored = UnsafeRawBufferPointer(rebasing: bytes[stream])
    let (width, height) = (width.divided(by: divisor), height.divided(by: divisor))
    var config = WebPDecoderConfig()
    guard WebPInitDecoderConfig(&config) != 0 else {
      throw .unsupported("libwebp has another version than at compile time")
    }
    config.options.use_scaling = 1
    config.options.scaled_width = CInt(width)
    config.options.scaled_height = CInt(height)
    config.output.colorspace = MODE_RGB
    config.output.is_external_memory = 1
    var decoded = false
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      config.output.u.RGBA = WebPRGBABuffer(
        rgba: buffer.baseAddress, stride: CInt(3 * width), size: buffer.count)
      decoded =
        WebPDecode(
          stored.bindMemory(to: UInt8.self).baseAddress, stored.count, &config) == VP8_STATUS_OK
      if decoded { filled = 3 * width * height }
    }
    guard decoded else { throw .malformed("the image data is damaged or truncated") }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }
}
