import CWebP

/// Decodes a WebP to RGB as Pillow does; of an animation, the first frame on a black canvas.
func decodeWebP(
  _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits
) throws(DecodingFailure) -> DecodedImage {
  let structure = try WebPStructure(bytes)
  let data = structure.picture.bindMemory(to: UInt8.self)
  var storedWidth: CInt = 0
  var storedHeight: CInt = 0
  guard WebPGetInfo(data.baseAddress, data.count, &storedWidth, &storedHeight) != 0 else {
    throw .malformed("the picture's header cannot be read")
  }
  let (width, height) = (Int(storedWidth), Int(storedHeight))
  let canvas = structure.canvas ?? (width, height)
  try limits.check(width: canvas.width, height: canvas.height)
  let frame = structure.frame ?? (0, 0, canvas.width, canvas.height)
  guard frame.width == width, frame.height == height, frame.x + width <= canvas.width,
    frame.y + height <= canvas.height
  else { throw .malformed("the picture's size is not the one that the file declares") }

  let stride = 3 * canvas.width
  let count = stride * canvas.height
  var decoded = false
  let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    let coversCanvas = (width, height) == (canvas.width, canvas.height)
    if !coversCanvas { buffer.initialize(repeating: 0) }
    let start = frame.y * stride + 3 * frame.x
    decoded =
      WebPDecodeRGBInto(
        data.baseAddress, data.count, buffer.baseAddress.map { $0 + start }, count - start,
        CInt(stride)) != nil
    if decoded { filled = count }
  }
  guard decoded else { throw .malformed("the image data are damaged or truncated") }
  return DecodedImage(
    image: Image(width: canvas.width, height: canvas.height, pixels: pixels, warnings: []),
    orientation: structure.orientation)
}
