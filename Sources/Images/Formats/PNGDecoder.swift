import CPNG

extension PNGStructure: EncodedImage {
  /// libpng keeps two unpacked rows, of at most 8 bytes per pixel, and a pointer to each row.
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
