import CWebP

/// Decodes a WebP to RGB as Pillow does; of an animation, the first frame on a black canvas.
func decodeWebP(
  _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits
) throws(DecodingFailure) -> DecodedImage {
  let structure = try WebPStructure(bytes, limits: limits)
  let data = structure.picture.bindMemory(to: UInt8.self)
  var width: CInt = 0
  var height: CInt = 0
  guard WebPGetInfo(data.baseAddress, data.count, &width, &height) != 0 else {
    throw .malformed("the picture's header cannot be read")
  }
  let (pictureWidth, pictureHeight) = (Int(width), Int(height))
  try limits.check(width: pictureWidth, height: pictureHeight)
  let frame = structure.frame ?? (x: 0, y: 0, width: pictureWidth, height: pictureHeight)
  let canvasWidth = structure.frame == nil ? pictureWidth : structure.width
  let canvasHeight = structure.frame == nil ? pictureHeight : structure.height
  guard frame.width == pictureWidth, frame.height == pictureHeight else {
    throw .malformed("a frame's picture has another size than the frame")
  }

  let stride = 3 * canvasWidth
  let count = stride * canvasHeight
  var decoded = false
  let pixels = [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
    if structure.frame != nil { buffer.initialize(repeating: 0) }
    let start = frame.y * stride + 3 * frame.x
    decoded =
      WebPDecodeRGBInto(
        data.baseAddress, data.count, buffer.baseAddress.map { $0 + start }, count - start,
        CInt(stride)) != nil
    if decoded { filled = count }
  }
  guard decoded else { throw .malformed("the image data are damaged or truncated") }
  return DecodedImage(
    image: Image(width: canvasWidth, height: canvasHeight, pixels: pixels, warnings: []),
    orientation: structure.orientation)
}
