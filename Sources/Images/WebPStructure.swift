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
  /// The `VP8 ` or `VP8L` chunk, and nothing after it: a damaged bit stream must not run on into
  /// the metadata.
  var picture: UnsafeRawBufferPointer
  var isLossless: Bool
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
    var frame: (x: Int, y: Int, width: Int, height: Int)?
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
        canvas = (width + 1, height + 1)
      } else if chunk.isPicture, !features.contains(.animation) {
        picture = picture ?? chunk.whole
      } else if chunk.type.begins(with: "ANMF"), features.contains(.animation), picture == nil {
        (frame, picture) = try firstFrame(chunk.data)
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
    self.frame = frame ?? (0, 0, width, height)
    guard self.frame.width == stored.width, self.frame.height == stored.height,
      self.frame.x + stored.width <= width, self.frame.y + stored.height <= height
    else { throw .malformed("the picture's size is not the one that the file declares") }
    orientation = Orientation(exif: exif, xmp: xmp)
  }
}

/// The flags of an extended header that matter here.
private struct WebPFeatures: OptionSet {
  let rawValue: UInt8
  static let animation = WebPFeatures(rawValue: 0x02)
  static let xmp = WebPFeatures(rawValue: 0x04)
  static let exif = WebPFeatures(rawValue: 0x08)
}

/// One chunk: type, length, data, and a byte of padding where the length is odd.
private struct RIFFChunk {
  let type: UnsafeRawBufferPointer
  let data: UnsafeRawBufferPointer
  /// Type, length and data.
  let whole: UnsafeRawBufferPointer
  /// Where the next chunk begins.
  let end: Int

  init(in file: UnsafeRawBufferPointer, at offset: Int) throws(DecodingFailure) {
    guard let type = file.slice(at: offset, count: 4),
      let length = file.littleEndian(UInt32.self, at: offset + 4),
      let data = file.slice(at: offset + 8, count: length),
      let whole = file.slice(at: offset, count: 8 + length)
    else { throw .malformed("a chunk is cut short") }
    self.type = type
    self.data = data
    self.whole = whole
    end = offset + 8 + length + length % 2
    guard end <= file.count else { throw .malformed("a chunk is cut short") }
  }

  var isPicture: Bool { type.begins(with: "VP8 ") || type.begins(with: "VP8L") }
}

/// The rectangle of an animation's frame on the canvas, and the picture chunk in it.
private func firstFrame(
  _ data: UnsafeRawBufferPointer
) throws(DecodingFailure) -> (
  frame: (x: Int, y: Int, width: Int, height: Int), picture: UnsafeRawBufferPointer?
) {
  guard let halfX = data.littleEndian24(at: 0), let halfY = data.littleEndian24(at: 3),
    let width = data.littleEndian24(at: 6), let height = data.littleEndian24(at: 9)
  else { throw .malformed("the first frame is cut short") }
  let frame = (x: 2 * halfX, y: 2 * halfY, width: width + 1, height: height + 1)
  var offset = 16
  while offset < data.count {
    let chunk = try RIFFChunk(in: data, at: offset)
    if chunk.isPicture { return (frame, chunk.whole) }
    offset = chunk.end
  }
  return (frame, nil)
}

extension UnsafeRawBufferPointer {
  fileprivate func littleEndian24(at offset: Int) -> Int? {
    guard let low = littleEndian(UInt16.self, at: offset), let high = byte(at: offset + 2) else {
      return nil
    }
    return low | Int(high) << 16
  }
}
