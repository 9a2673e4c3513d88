import CWebP

extension WebPStructure: EncodedImage {
  /// A lossless picture is unpacked to 4 bytes per pixel before it becomes RGB, beside which lie
  /// its transforms and prefix codes.
  ///
  /// An alpha chunk may be a lossless picture itself. Of a lossy one, some rows and a few bytes for
  /// each block of 16 x 16 are kept.
  var codecBytes: Int {
    let whole = isLossless || hasAlphaChunk ? 5 * frame.width * frame.height : 0
    return whole + 256 * frame.width + tableBytes
  }

  /// Decodes to RGB as Pillow does; of an animation, the first frame on a black canvas.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    let stride = 3 * width
    let count = stride * height
    var decoded = false
    let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
      let coversCanvas = (width, height) == (frame.width, frame.height)
      if !coversCanvas { buffer.initialize(repeating: 0) }
      let start = frame.y * stride + 3 * frame.x
      decoded =
        WebPDecodeRGBInto(
          picture.bindMemory(to: UInt8.self).baseAddress, picture.count,
          buffer.baseAddress.map { $0 + start }, count - start, CInt(stride)) != nil
      if decoded { filled = count }
    }
    guard decoded else { throw .malformed("the image data are damaged or truncated") }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }
}
