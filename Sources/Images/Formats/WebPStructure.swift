import CWebP

/// What the chunks of a WebP file say, read before anything is decoded.
///
/// RFC 9649, section 2. Of an animation only the first frame counts, as in Pillow.
struct WebPStructure {
  /// The canvas in pixels.
  var width: Int
  var height: Int
  /// Where the picture lies on the canvas.
  var frame: (x: Int, y: Int, width: Int, height: Int)
  /// The `VP8 ` or `VP8L` chunk with the `ALPH` chunk before it, and nothing after it: a damaged bit
  /// stream must not run on into the metadata.
  var picture: UnsafeRawBufferPointer
  var isLossless: Bool
  /// Whether an `ALPH` chunk is there.
  ///
  /// Its pixels are dropped, but it must not be damaged.
  var hasAlphaChunk: Bool
  /// The bytes of a lossless decoder's tables.
  var tableBytes = 0
  var orientation: Orientation = .upright
}

extension WebPStructure {
  /// Walks over the chunks of a file that begins with `RIFF`, a size and `WEBP`.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    // The RIFF size counts what follows it; bytes after that belong to nobody.
    guard let size = bytes.littleEndian(UInt32.self, at: 4),
      let file = bytes.slice(at: 0, count: size + 8)
    else { throw .malformed("the file is shorter than its header says: it is truncated") }
    var features: WebPFeatures = []
    var canvas: (width: Int, height: Int)?
    var corner = (x: 0, y: 0)
    var alphaStart: Int?
    var hasAnimationChunk = false
    var picture: UnsafeRawBufferPointer?
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
          throw .malformed("the VP8X chunk has flags that do not exist")
        }
        canvas = (width + 1, height + 1)
      } else if offset == 12, !chunk.isPicture {
        throw .malformed("the first chunk is no picture, nor VP8X")
      } else if chunk.type.begins(with: "ALPH"), !features.contains(.animation) {
        alphaStart = alphaStart ?? offset
      } else if chunk.isPicture, !features.contains(.animation), picture == nil {
        picture = file.slice(at: alphaStart ?? offset, count: chunk.end - (alphaStart ?? offset))
      } else if chunk.type.begins(with: "ANIM"), features.contains(.animation) {
        hasAnimationChunk = true
      } else if chunk.type.begins(with: "ANMF"), features.contains(.animation), picture == nil {
        guard hasAnimationChunk else { throw .malformed("a frame lies before the ANIM chunk") }
        (corner, picture) = try firstFrame(chunk.paddedData)
      } else if chunk.type.begins(with: "EXIF"), features.contains(.exif) {
        exif = exif ?? chunk.data
      } else if chunk.type.begins(with: "XMP "), features.contains(.xmp) {
        xmp = xmp ?? chunk.data
      }
      offset = chunk.end
    }
    guard let picture else { throw .malformed("it holds no picture") }
    self.picture = picture
    isLossless = picture.begins(with: "VP8L")
    hasAlphaChunk = picture.begins(with: "ALPH")

    var storedWidth: CInt = 0
    var storedHeight: CInt = 0
    guard
      WebPGetInfo(
        picture.bindMemory(to: UInt8.self).baseAddress, picture.count, &storedWidth, &storedHeight)
        != 0
    else { throw .malformed("the picture's header cannot be read") }
    let stored = (width: Int(storedWidth), height: Int(storedHeight))
    // Without an extended header, the canvas is the picture's own size.
    (width, height) = canvas ?? stored
    try limits.check(width: width, height: height)
    frame = (corner.x, corner.y, stored.width, stored.height)
    // Only the frames of an animation can be smaller than the canvas.
    guard frame.x + frame.width <= width, frame.y + frame.height <= height,
      features.contains(.animation) || (frame.width, frame.height) == (width, height)
    else { throw .malformed("the picture's size is not the one that the file declares") }
    guard
      let data = picture.littleEndian(UInt32.self, at: 4).flatMap({ length in
        picture.slice(at: 8, count: length)
      })
    else { throw .malformed("a chunk is cut short") }
    if isLossless {
      tableBytes = VP8LStructure(data).tableBytes
    } else if hasAlphaChunk, let method = data.byte(at: 0), method & 3 == 1 {
      tableBytes =
        VP8LStructure(
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
  /// With the flags for alpha and a colour profile.
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

  var isPicture: Bool { type.begins(with: "VP8 ") || type.begins(with: "VP8L") }
}

/// The upper left corner of an animation's frame on the canvas, and its picture.
///
/// The size that the frame declares is passed over as libwebp does: that of the picture counts.
private func firstFrame(
  _ data: UnsafeRawBufferPointer
) throws(DecodingFailure) -> (corner: (x: Int, y: Int), picture: UnsafeRawBufferPointer?) {
  guard let halfX = data.littleEndian24(at: 0), let halfY = data.littleEndian24(at: 3),
    data.count >= 16
  else { throw .malformed("the first frame is cut short") }
  var start = 16
  var offset = start
  while offset < data.count {
    let chunk = try RIFFChunk(in: data, at: offset)
    if chunk.isPicture {
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
