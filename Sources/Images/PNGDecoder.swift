import CPNG

/// Decodes a PNG to RGB as Pillow does: 16-bit color keeps its high byte, 16-bit gray is clipped at
/// 255, palettes are looked up, transparency is dropped and gamma is not applied.
func decodePNG(
  _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits
) throws(DecodingFailure) -> DecodedImage {
  let structure = try PNGStructure(bytes, limits: limits)
  var failure: String?
  var clipped = false
  let pixels = [UInt8](
    unsafeUninitializedCapacity: 3 * structure.width * structure.height
  ) { buffer, filled in
    var result = cpng_result()
    cpng_decode_rgb(
      bytes.baseAddress, bytes.count, buffer.baseAddress, UInt32(structure.width),
      UInt32(structure.height), &result)
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
  return DecodedImage(
    image: Image(
      width: structure.width, height: structure.height, pixels: pixels,
      warnings: clipped ? [.clippedGray] : []),
    orientation: structure.orientation)
}
