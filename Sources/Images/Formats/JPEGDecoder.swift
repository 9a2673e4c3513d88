import CTurboJPEG

extension JPEGHeader: ImageHeader {
  /// CMYK is decoded as such and converted to RGB in place.
  var pixelBytes: Int { samples * width * height }

  /// The coefficients if they are kept, 128 bytes for each block; for each component, a few rows
  /// before and after upsampling; and TurboJPEG's pointer to each row.
  var codecBytes: Int {
    let coefficients =
      keepsCoefficients ? components.reduce(0) { $0 + 128 * blocks(of: $1) } : 0
    return coefficients + 64 * components.count * width
      + MemoryLayout<UnsafeRawPointer>.size * height
  }

  private var samples: Int { components.count == 4 ? 4 : 3 }

  /// Decodes to RGB as Pillow does: accurate inverse DCT, smooth chroma upsampling.
  ///
  /// Damage within the image data is tolerated as in libjpeg, which resynchronises and continues;
  /// a truncated file was refused with its headers.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    guard let handle = tjInitDecompress() else {
      throw .unsupported("TurboJPEG cannot start: \(String(cString: tjGetErrorStr2(nil)))")
    }
    defer { tjDestroy(handle) }
    let layout = samples == 4 ? TJPF_CMYK : TJPF_RGB
    var failure: String?
    let pixels = [UInt8](unsafeUninitializedCapacity: pixelBytes) { buffer, filled in
      // TurboJPEG never writes outside the given size, even if it reads another from the header.
      let status = tjDecompress2(
        handle, bytes.bindMemory(to: UInt8.self).baseAddress, UInt(bytes.count),
        buffer.baseAddress, CInt(width), CInt(samples * width), CInt(height),
        CInt(layout.rawValue), TJFLAG_ACCURATEDCT)
      let message = status == 0 ? nil : String(cString: tjGetErrorStr2(handle))
      if let message, !isTolerable(message) {
        failure = message
        return
      }
      if samples == 4 { convertInvertedCMYK(buffer) }
      filled = 3 * width * height
    }
    if let failure { throw .malformed(failure) }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }
}

/// Whether a message is one of libjpeg's warnings about damage that it decodes around.
///
/// The error code does not tell: after a warning, TurboJPEG 2.1 reports a fatal error with the code
/// of a warning, and leaves the rest of the pixels unwritten. The message is the fatal one if there
/// was one, else the first warning.
private func isTolerable(_ message: String) -> Bool {
  let warnings = [
    "Corrupt JPEG data: ", "Inconsistent progression sequence ",
    "Invalid SOS parameters for sequential JPEG", "Unknown Adobe color transform code ",
    "Warning: unknown JFIF revision number ",
  ]
  return warnings.contains { message.hasPrefix($0) }
}

/// Converts CMYK pixels to RGB in place, front to back: three bytes take less room than four.
///
/// Samples are taken as inverted, as nearly all writers store them with or without an Adobe marker,
/// and converted as Pillow does: each channel is `(255 - k) - (255 - k) * c / 255`, the product
/// rounded.
private func convertInvertedCMYK(_ samples: UnsafeMutableBufferPointer<UInt8>) {
  guard let base = samples.baseAddress else { return }
  for pixel in 0..<samples.count / 4 {
    let cmyk = base + 4 * pixel
    let rgb = base + 3 * pixel
    let white = Int32(cmyk[3])  // 255 - k
    for channel in 0..<3 {
      let product = white &* Int32(255 &- cmyk[channel]) &+ 128
      let ink = (product >> 8 &+ product) >> 8
      rgb[channel] = UInt8(truncatingIfNeeded: white &- ink)
    }
  }
}
