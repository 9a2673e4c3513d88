extension PNMHeader: ImageHeader {
  var orientation: Orientation { .upright }

  /// The only codec is a table of sample values.
  var codecBytes: Int { 0 }

  /// Decodes any netpbm image, `P1` to `P7`, to RGB as Pillow's `convert("RGB")` does.
  ///
  /// A sample `v` with maximum `m` becomes `round(255 v / m)`, with halves rounded to even. Gray
  /// with more than 8 bits is the exception: Pillow scales it to 16 bits and then clips it at 255.
  /// PAM, which Pillow does not read, is always scaled.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    let raster = UnsafeRawBufferPointer(rebasing: bytes[rasterOffset...])
    let scale = SampleScale(self)
    var failure: DecodingFailure?
    var clipped = false
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      guard let target = buffer.baseAddress else { return }
      do throws(DecodingFailure) {
        switch encoding {
        case .packedBits:
          expandBits(raster, self, into: target)
        case .plain:
          var reader = PlainSamples(bytes: bytes, header: self)
          clipped = try expand(self, scale, into: target) { () throws(DecodingFailure) in
            try reader.next()
          }
        case .raw where channels == 3 && maximum == 255:
          UnsafeMutableRawPointer(target).copyMemory(
            from: raster.baseAddress!, byteCount: buffer.count)
        case .raw where maximum < 256:
          var next = 0
          clipped = expand(self, scale, into: target) {
            defer { next += 1 }
            return Int(raster[next])
          }
        case .raw:
          var next = 0
          clipped = expand(self, scale, into: target) {
            defer { next += 2 }
            return Int(raster[next]) << 8 | Int(raster[next + 1])
          }
        }
        filled = buffer.count
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return Image(
      width: width, height: height, pixels: pixels, warnings: clipped ? [.clippedGray] : [])
  }
}

/// The 8-bit value of every sample value.
private struct SampleScale {
  let table: [UInt8]
  /// The first sample value that is clipped rather than scaled.
  let firstClipped: Int

  init(_ header: PNMHeader) {
    let maximum = header.maximum
    let clips = maximum > 255 && header.channels == 1 && !header.isPAM
    let full = clips ? 65_535.0 : 255.0
    // Values above a raw file's maximum count as the maximum.
    let values = (0..<(maximum < 256 ? 256 : 65_536)).map { value in
      let scaled = (Double(value) / Double(maximum) * full).rounded(.toNearestOrEven)
      return Int(min(scaled, full))
    }
    table = values.map { UInt8(min(header.isBitmap ? 255 - $0 : $0, 255)) }
    firstClipped = clips ? values.firstIndex { $0 > 255 } ?? Int.max : Int.max
  }
}

/// Fills the RGB pixels with the samples that `next` returns one by one, without alpha.
///
/// Returns whether a sample was clipped.
@inline(__always)
private func expand<Failure: Error>(
  _ header: PNMHeader, _ scale: SampleScale, into target: UnsafeMutablePointer<UInt8>,
  _ next: () throws(Failure) -> Int
) throws(Failure) -> Bool {
  var greatest = 0
  for pixel in 0..<header.width * header.height {
    let rgb = target + 3 * pixel
    if header.channels < 3 {
      let sample = try next()
      greatest = max(greatest, sample)
      let gray = scale.table[sample]
      (rgb[0], rgb[1], rgb[2]) = (gray, gray, gray)
    } else {
      rgb[0] = scale.table[try next()]
      rgb[1] = scale.table[try next()]
      rgb[2] = scale.table[try next()]
    }
    if header.channels == 2 || header.channels == 4 { _ = try next() }
  }
  return greatest >= scale.firstClipped
}

/// Fills the RGB pixels with the bits of a raw bitmap, in which 1 is black.
private func expandBits(
  _ raster: UnsafeRawBufferPointer, _ header: PNMHeader, into target: UnsafeMutablePointer<UInt8>
) {
  let stride = (header.width + 7) / 8
  for y in 0..<header.height {
    for x in 0..<header.width {
      let bit = raster[y * stride + x >> 3] >> UInt8(7 - x & 7) & 1
      let rgb = target + 3 * (y * header.width + x)
      let gray: UInt8 = bit == 1 ? 0 : 255
      (rgb[0], rgb[1], rgb[2]) = (gray, gray, gray)
    }
  }
}

/// The numbers of a plain raster.
private struct PlainSamples {
  let header: PNMHeader
  private var scanner: PNMScanner

  init(bytes: UnsafeRawBufferPointer, header: PNMHeader) {
    self.header = header
    scanner = PNMScanner(bytes: bytes, offset: header.rasterOffset)
  }

  /// The next sample, at most the header's maximum.
  mutating func next() throws(DecodingFailure) -> Int {
    let value = header.isBitmap ? try scanner.bit() : try scanner.number("sample")
    guard value <= header.maximum else {
      throw .malformed("a sample is \(value), above the maximum value \(header.maximum)")
    }
    return value
  }
}
