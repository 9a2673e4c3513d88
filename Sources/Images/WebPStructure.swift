/// What the chunks of a WebP file say, read before anything is decoded.
///
/// RFC 9649, section 2.
struct WebPStructure {
  /// The size of the canvas; for still pictures that of the picture.
  var width = 0
  var height = 0
  /// The bytes that hold the picture, or the first frame of an animation.
  var picture: UnsafeRawBufferPointer
  /// Where the first frame of an animation lies on the canvas; `nil` for a still picture.
  var frame: (x: Int, y: Int, width: Int, height: Int)?
  var orientation: Orientation = .upright
}

extension WebPStructure {
  /// Walks over the chunks of a file that begins with `RIFF`, a size and `WEBP`.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    // The RIFF size counts what follows it; bytes after that belong to nobody.
    guard let size = bytes.littleEndian(UInt32.self, at: 4),
      let file = bytes.slice(at: 0, count: size + 8)
    else { throw .malformed("the file is shorter than its header says: it is truncated") }
    picture = file
    var features: UInt8 = 0
    var exif: UnsafeRawBufferPointer?
    var xmp: UnsafeRawBufferPointer?
    var hasPicture = false
    var offset = 12
    while offset < file.count {
      guard let type = file.slice(at: offset, count: 4),
        let length = file.littleEndian(UInt32.self, at: offset + 4),
        let data = file.slice(at: offset + 8, count: length),
        file.count >= offset + 8 + length + length % 2
      else { throw .malformed("the chunk at byte \(offset) is cut short") }
      if offset == 12, type.begins(with: "VP8X") {
        guard let flags = data.byte(at: 0), let width = data.littleEndian24(at: 4),
          let height = data.littleEndian24(at: 7)
        else { throw .malformed("the VP8X chunk has \(length) bytes, not 10") }
        features = flags
        (self.width, self.height) = (width + 1, height + 1)
      } else if type.begins(with: "VP8 ") || type.begins(with: "VP8L") {
        hasPicture = true
      } else if type.begins(with: "ANMF"), features & 0x02 != 0, frame == nil {
        try readFrame(data)
      } else if type.begins(with: "EXIF"), features & 0x08 != 0 {
        exif = exif ?? data
      } else if type.begins(with: "XMP "), features & 0x04 != 0 {
        xmp = xmp ?? data
      }
      offset += 8 + length + length % 2
    }
    guard hasPicture || frame != nil else { throw .malformed("it holds no picture") }
    if width > 0 { try limits.check(width: width, height: height) }
    orientation = Orientation(exif: exif, xmp: xmp)
  }

  /// Reads the first frame of an animation: its place on the canvas, then the chunks of a picture.
  private mutating func readFrame(_ data: UnsafeRawBufferPointer) throws(DecodingFailure) {
    guard let halfX = data.littleEndian24(at: 0), let halfY = data.littleEndian24(at: 3),
      let width = data.littleEndian24(at: 6), let height = data.littleEndian24(at: 9),
      data.count > 16
    else { throw .malformed("the first frame is cut short") }
    let frame = (x: 2 * halfX, y: 2 * halfY, width: width + 1, height: height + 1)
    guard frame.x + frame.width <= self.width, frame.y + frame.height <= self.height else {
      throw .malformed("the first frame exceeds the canvas")
    }
    self.frame = frame
    picture = UnsafeRawBufferPointer(rebasing: data[16...])
  }
}

extension UnsafeRawBufferPointer {
  fileprivate func littleEndian24(at offset: Int) -> Int? {
    guard let low = littleEndian(UInt16.self, at: offset), let high = byte(at: offset + 2) else {
      return nil
    }
    return low | Int(high) << 16
  }
}
