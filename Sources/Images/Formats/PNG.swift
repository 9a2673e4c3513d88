import CPNG

/// The contents of a PNG's chunks.
///
/// ISO/IEC 15948, clause 5.
struct PNGHeader {
  var width = 0
  var height = 0
  var orientation: Orientation = .upright
}

extension PNGHeader {
  /// Walks over the chunks of a file that begins with the PNG signature.
  ///
  /// A file that ends before its image data does, or within a chunk, is rejected. The end chunk may
  /// be missing: the pixels are complete, and Pillow reads such files too.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    var exif: UnsafeRawBufferPointer?
    var text = PNGText()
    var dataBytes = 0
    var rasterBytes = 0
    var offset = 8
    walk: while true {
      // A chunk: length, type, data, CRC. Anything but a chunk after the image data ends the file.
      guard let length = bytes.bigEndian(UInt32.self, at: offset),
        let type = bytes.slice(at: offset + 4, count: 4), type.allSatisfy(\.isChunkLetter)
      else {
        if dataBytes > 0 { break walk }
        throw .malformed("no chunk at byte \(offset): the file is truncated or damaged")
      }
      if dataBytes > 0, type.begins(with: "IEND") { break walk }
      guard let data = bytes.slice(at: offset + 8, count: length),
        bytes.count - (offset + 8 + length) >= 4 || dataBytes > 0 && !type.begins(with: "IDAT")
      else { throw .malformed("the chunk at byte \(offset) is cut short: the file is truncated") }
      if offset == 8 {
        guard type.begins(with: "IHDR") else { throw .malformed("the first chunk is not IHDR") }
        rasterBytes = try readHeader(data, limits: limits)
      } else if type.begins(with: "IDAT") {
        dataBytes += length
      } else if type.begins(with: "IEND") {
        break walk
      } else {
        // Bit 5 of a type's first letter marks chunks that a decoder may skip.
        guard type[0] & 0x20 == 0 || length <= limits.pngAncillaryChunkBytes else {
          throw .overLimit(
            "the chunk at byte \(offset) has \(length) bytes, the limit is "
              + "\(limits.pngAncillaryChunkBytes)")
        }
        if type.begins(with: "eXIf") { exif = data }
        text.read(type, data)
      }
      offset += 12 + length
    }
    // Deflate compresses to 1/1032 at best; do not allocate memory for pixels that cannot be there.
    guard dataBytes >= rasterBytes / 1032 else {
      throw .malformed("\(dataBytes) bytes of image data cannot hold \(width)x\(height) pixels")
    }
    orientation = (text.rawEXIF ?? []).withUnsafeBytes { raw in
      (text.xmp ?? []).withUnsafeBytes { xmp in
        Orientation(exif: exif ?? (raw.isEmpty ? nil : raw), xmp: xmp.isEmpty ? nil : xmp)
      }
    }
  }

  /// Reads IHDR and returns the size of the unpacked raster in bytes.
  private mutating func readHeader(
    _ data: UnsafeRawBufferPointer, limits: DecodingLimits
  ) throws(DecodingFailure) -> Int {
    guard data.count == 13, let width = data.bigEndian(UInt32.self, at: 0),
      let height = data.bigEndian(UInt32.self, at: 4)
    else { throw .malformed("the IHDR chunk has \(data.count) bytes, not 13") }
    try limits.check(width: width, height: height)
    (self.width, self.height) = (width, height)
    let channels =
      switch data[9] {
      case 0, 3: 1
      case 4: 2
      case 2: 3
      case 6: 4
      default: throw DecodingFailure.malformed("color type \(data[9]) does not exist")
      }
    return height * ((width * channels * Int(data[8]) + 7) / 8)
  }
}

extension UInt8 {
  /// Whether a chunk's type can contain this byte: a Latin letter.
  fileprivate var isChunkLetter: Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(self | 0x20)
  }
}

extension PNGHeader: ImageHeader {
  /// libpng keeps two unpacked rows, with at most 8 bytes per pixel, and a pointer to each row.
  var codecBytes: Int { 2 * 8 * width + MemoryLayout<UnsafeRawPointer>.size * height }

  /// Decodes to RGB as Pillow does: 16-bit color keeps its high byte, 16-bit gray is clipped at
  /// 255, palettes are looked up, transparency is dropped and gamma is not applied.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    var failure: String?
    var clipped = false
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      var result = cpng_result()
      cpng_decode_rgb(
        bytes.baseAddress, bytes.count, buffer.baseAddress, UInt32(width), UInt32(height), &result)
      clipped = result.clipped != 0
      if result.failed != 0 {
        failure = withUnsafeBytes(of: &result.message) { text in
          String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        }
      } else {
        filled = buffer.count
      }
    }
    if let failure { throw .malformed(failure) }
    return Image(
      width: width, height: height, pixels: pixels, warnings: clipped ? [.clippedGray] : [])
  }
}

extension Image {
  /// The image as the bytes of a PNG file, 8-bit RGB.
  ///
  /// - Throws: ``ImageEncodingError`` if memory runs out.
  public func encodedPNG() throws(ImageEncodingError) -> [UInt8] {
    var file = cpng_file()
    defer { cpng_free(&file) }
    cpng_encode_rgb(pixels, UInt32(width), UInt32(height), &file)
    if file.failed != 0 {
      throw ImageEncodingError(
        reason: withUnsafeBytes(of: &file.message) { text in
          String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
        })
    }
    return [UInt8](UnsafeBufferPointer(start: file.bytes, count: file.count))
  }
}

/// An image that cannot be encoded.
public struct ImageEncodingError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The encoder's message.
  public let reason: String

  /// One line.
  public var description: String { "cannot encode the image as PNG: \(reason)" }
}
