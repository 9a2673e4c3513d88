import CTurboJPEG

/// Decodes a JPEG to RGB as Pillow does: accurate inverse DCT, smooth chroma upsampling.
///
/// Damage within the image data is tolerated as in libjpeg, which resynchronises and goes on;
/// a file that ends too soon was refused by ``JPEGStructure`` before.
func decodeJPEG(
  _ bytes: UnsafeRawBufferPointer, limits: DecodingLimits
) throws(DecodingFailure) -> DecodedImage {
  let structure = try JPEGStructure(bytes, limits: limits)
  let pixels =
    structure.components == 4
    ? try decompress(bytes, structure, as: TJPF_CMYK).rgbFromInvertedCMYK()
    : try decompress(bytes, structure, as: TJPF_RGB)
  return DecodedImage(
    image: Image(width: structure.width, height: structure.height, pixels: pixels, warnings: []),
    orientation: structure.orientation)
}

/// The samples of the picture in the given layout.
private func decompress(
  _ bytes: UnsafeRawBufferPointer, _ structure: JPEGStructure, as layout: TJPF
) throws(DecodingFailure) -> [UInt8] {
  guard let handle = tjInitDecompress() else {
    throw .unsupported("TurboJPEG cannot start: \(String(cString: tjGetErrorStr2(nil)))")
  }
  defer { tjDestroy(handle) }
  let samples = layout == TJPF_CMYK ? 4 : 3
  var failure: String?
  let pixels = [UInt8](
    unsafeUninitializedCapacity: samples * structure.width * structure.height
  ) { buffer, filled in
    // Given the size, TurboJPEG never writes outside it, even if it read another from the header.
    let status = tjDecompress2(
      handle, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count), buffer.baseAddress,
      CInt(structure.width), CInt(samples * structure.width), CInt(structure.height),
      CInt(layout.rawValue), TJFLAG_ACCURATEDCT)
    let message = status == 0 ? nil : String(cString: tjGetErrorStr2(handle))
    if let message, !isTolerable(message) {
      failure = message
    } else {
      filled = buffer.count
    }
  }
  if let failure { throw .malformed(failure) }
  return pixels
}

/// Whether a message is one of libjpeg's warnings about damage that it decodes around.
///
/// The error code cannot tell: once there was a warning, TurboJPEG 2.1 reports a fatal error after
/// it with the code of a warning, and the rest of the pixels was never written. The message is the
/// fatal one if there was one, else the first warning.
private func isTolerable(_ message: String) -> Bool {
  let warnings = [
    "Corrupt JPEG data: ", "Inconsistent progression sequence ",
    "Invalid SOS parameters for sequential JPEG", "Unknown Adobe color transform code ",
    "Warning: unknown JFIF revision number ",
  ]
  return warnings.contains { message.hasPrefix($0) }
}

extension [UInt8] {
  /// Takes the samples as inverted CMYK, which is what all but very few writers store whether or
  /// not they add an Adobe marker, and converts them as Pillow does:
  /// each channel is `(255 - k) - (255 - k) * c / 255`, the product rounded.
  fileprivate func rgbFromInvertedCMYK() -> [UInt8] {
    let pixelCount = count / 4
    return [UInt8](unsafeUninitializedCapacity: 3 * pixelCount) { rgb, filled in
      withUnsafeBufferPointer { cmyk in
        for pixel in 0..<pixelCount {
          let white = Int32(cmyk[4 * pixel + 3])  // 255 - k
          for channel in 0..<3 {
            let product = white &* Int32(255 &- cmyk[4 * pixel + channel]) &+ 128
            let ink = (product >> 8 &+ product) >> 8
            rgb[3 * pixel + channel] = UInt8(truncatingIfNeeded: white &- ink)
          }
        }
      }
      filled = 3 * pixelCount
    }
  }
}
