import CImageLibraries

/// The contents of a GIF's blocks up to its first frame.
///
/// GIF89a specification; the screen grows to fit the frame, as in Pillow.
struct GIFHeader {
  var width: Int
  var height: Int
  private var frame: (x: Int, y: Int, width: Int, height: Int)
  private var isInterlaced: Bool
  /// The screen's header with its palette.
  private var screen: Range<Int>
  /// Where the frame's image separator is.
  private var frameStart: Int
  /// 256 colours, three bytes each.
  private var palette: [UInt8]
  /// The index of pixels outside the frame.
  private var background = 0

  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    guard let header = bytes.slice(at: 0, count: 13) else {
      throw .malformed("its header is cut short: the file is truncated")
    }
    (width, height) = (header.short(at: 6), header.short(at: 8))
    var offset = 13
    palette = try Self.palette(bytes, at: &offset, flags: header[10]) ?? Self.grays
    screen = 0..<offset

    /// Moves `offset` past a block that begins with its length; `nil` if it is empty.
    func skipBlock() throws(DecodingFailure) -> UnsafeRawBufferPointer? {
      guard let length = bytes.byte(at: offset).map(Int.init),
        let block = bytes.slice(at: offset + 1, count: length)
      else { throw .malformed("a block is cut short: the file is truncated") }
      offset += 1 + length
      return length == 0 ? nil : block
    }

    search: while true {
      let start = offset
      offset += 1
      switch bytes.byte(at: start) {
      case UInt8(ascii: ","): break search
      case UInt8(ascii: "!"):
        let kind = bytes.byte(at: offset)
        offset += 1
        let block = try skipBlock()
        if kind == 0xF9, let block, let flags = block.byte(at: 0), flags & 1 != 0 {
          guard let index = block.byte(at: 3) else { throw .malformed("a block is too short") }
          background = Int(index)
        }
        if block != nil { while try skipBlock() != nil {} }
      case nil, UInt8(ascii: ";"): throw .malformed("it contains no image")
      default: continue  // Pillow skips stray bytes, too.
      }
    }
    frameStart = offset - 1
    guard let description = bytes.slice(at: offset, count: 9) else {
      throw .malformed("the first frame is cut short: the file is truncated")
    }
    offset += 9
    frame = (
      description.short(at: 0), description.short(at: 2), description.short(at: 4),
      description.short(at: 6)
    )
    isInterlaced = description[8] & 0x40 != 0
    if let local = try Self.palette(bytes, at: &offset, flags: description[8]) { palette = local }
    guard frame.width > 0, frame.height > 0 else {
      throw .malformed("the size \(frame.width)x\(frame.height) of its first frame is empty")
    }
    width = max(width, frame.x + frame.width)
    height = max(height, frame.y + frame.height)
    try limits.check(width: width, height: height)
    // A code takes at least two bits and stands for at most 4096 pixels.
    let stored = bytes.count - offset
    guard frame.width * frame.height <= 4096 * 4 * stored else {
      throw .malformed(
        "\(stored) bytes of image data cannot hold \(frame.width)x\(frame.height) pixels")
    }
  }

  private static let grays = (0..<256).flatMap { gray in
    [UInt8](repeating: UInt8(gray), count: 3)
  }

  /// The palette that flags announce, filled up with black; `nil` if there is none.
  ///
  /// If its entries are a ramp of grays, it goes on beyond its end.
  private static func palette(
    _ bytes: UnsafeRawBufferPointer, at offset: inout Int, flags: UInt8
  ) throws(DecodingFailure) -> [UInt8]? {
    guard flags & 0x80 != 0 else { return nil }
    guard let entries = bytes.slice(at: offset, count: 6 << Int(flags & 7)) else {
      throw .malformed("a palette is cut short: the file is truncated")
    }
    offset += entries.count
    if entries.elementsEqual(grays.prefix(entries.count)) { return grays }
    return entries + [UInt8](repeating: 0, count: 768 - entries.count)
  }
}

extension GIFHeader: ImageHeader {
  var orientation: Orientation { .upright }
  /// The palette, a row of indices, and giflib's tables.
  var codecBytes: Int { 768 + frame.width + 64 << 10 }

  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    if let reason = ImageFormat.gif.missingLibrary { throw .unavailable(reason) }
    let stride = 3 * width
    var failure: String?
    let pixels = [UInt8](unsafeUninitializedCapacity: stride * height) { buffer, filled in
      guard let pixels = buffer.baseAddress, let file = bytes.baseAddress else { return }
      if (frame.width, frame.height) != (width, height) {
        for pixel in 0..<width * height {
          for channel in 0..<3 { pixels[3 * pixel + channel] = palette[3 * background + channel] }
        }
      }
      palette.withUnsafeBufferPointer { palette in
        var request = cgif_frame(
          screen: file.assumingMemoryBound(to: UInt8.self), screen_count: screen.count,
          frame: (file + frameStart).assumingMemoryBound(to: UInt8.self),
          frame_count: bytes.count - frameStart, width: UInt32(frame.width),
          height: UInt32(frame.height), interlaced: isInterlaced ? 1 : 0,
          palette: palette.baseAddress)
        let start = pixels + frame.y * stride + 3 * frame.x
        if let reason = cgif_decode(&request, start, stride) { failure = String(cString: reason) }
      }
      filled = failure == nil ? buffer.count : 0
    }
    if let failure { throw .malformed(failure) }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at an offset that is known to be inside.
  fileprivate func short(at offset: Int) -> Int { littleEndian(UInt16.self, at: offset)! }
}
