import CJPEG

extension JPEGHeader {
  /// Decodes to RGB as Pillow does: accurate inverse DCT, smooth chroma upsampling.
  ///
  /// Damage within the image data is tolerated as in libjpeg, which resynchronises and continues;
  /// truncated files were already rejected when reading the headers.
  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    try decode(bytes, dividedBy: 1)
  }

  /// The same at 1/2, 1/4 or 1/8 of the size, scaled in the frequency domain.
  func decode(
    _ bytes: UnsafeRawBufferPointer, dividedBy divisor: Int
  ) throws(DecodingFailure) -> Image {
    let (width, height) = (width.divided(by: divisor), height.divided(by: divisor))
    let decoder = try JPEGDecoder(bytes, of: self, columns: 0..<width, divisor: divisor)
    var failed = false
    let pixels = [UInt8](unsafeUninitializedCapacity: samples * width * height) { buffer, filled in
      guard decoder.read(height, into: buffer.baseAddress!, stride: samples * width),
        decoder.finish()
      else {
        failed = true
        return
      }
      if samples == 4 { convertInvertedCMYK(buffer) }
      filled = 3 * width * height
    }
    if failed { throw decoder.failure }
    return Image(width: width, height: height, pixels: pixels, warnings: decoder.warnings)
  }
}

extension JPEGHeader: RowDecoding {
  var decodesRows: Bool { samples == 3 }

  /// Others are not faster: they have no vector instructions in libjpeg-turbo.
  var divisors: [Int] { [8, 4, 2] }

  func decodeRows(
    _ bytes: UnsafeRawBufferPointer, _ request: RowRequest, _ body: (UnsafePointer<UInt8>) -> Void
  ) throws(DecodingFailure) -> [ImageWarning] {
    let height = height.divided(by: request.divisor)
    let decoder = try JPEGDecoder(
      bytes, of: self, columns: request.columns, divisor: request.divisor)
    // Smooth upsampling needs the rows above and below. libjpeg-turbo 2.1 keeps what it needs of skipped
    // rows and gives the same pixels without this margin, which is for other versions.
    let margin = 8
    let rows = request.rows
    let skipped = max(0, rows.lowerBound - margin)
    // libjpeg converts four rows at a time where it can.
    let group = 4
    // Not at a multiple of 32 bytes: libjpeg would write past the caches, from where the rows are
    // about to be read.
    let stride = (3 * decoder.columns.count + request.reach + 63) / 64 * 64 + 1
    let left = 3 * (request.columns.lowerBound - decoder.columns.lowerBound)
    let succeeded = withUnsafeTemporaryAllocation(of: UInt8.self, capacity: group * stride + 1) {
      memory in
      memory.initialize(repeating: 0)
      let buffer = memory.baseAddress! + 1
      guard decoder.skip(skipped) else { return false }
      var y = skipped
      while y < rows.upperBound {
        let count = min(group - y % group, rows.upperBound - y)
        guard decoder.read(count, into: buffer, stride: stride) else { return false }
        for row in 0..<count where y + row >= rows.lowerBound {
          body(buffer + row * stride + left)
        }
        y += count
      }
      // The rest is read, but not computed, to report damage in it. Only reading the last row makes
      // libjpeg do so.
      let rest = height - y
      return rest == 0
        || (decoder.skip(rest - 1) && decoder.read(1, into: buffer, stride: stride))
    }
    guard succeeded, decoder.finish() else { throw decoder.failure }
    return decoder.warnings
  }
}

/// libjpeg at work on one file.
private final class JPEGDecoder {
  /// The columns that are decoded.
  let columns: Range<Int>
  private let decoder: OpaquePointer

  /// - Parameters:
  ///   - columns: The needed columns of the decoded image.
  ///   - divisor: What its sides are divided by: 1, 2, 4 or 8.
  init(
    _ bytes: UnsafeRawBufferPointer, of header: JPEGHeader, columns: Range<Int>, divisor: Int
  ) throws(DecodingFailure) {
    var request = cjpeg_request(
      width: UInt32(header.width), height: UInt32(header.height), samples: CInt(header.samples),
      eighths: CInt(8 / divisor), first_column: UInt32(columns.lowerBound),
      columns: UInt32(columns.count))
    guard let decoder = cjpeg_open(bytes.baseAddress, bytes.count, &request) else {
      throw .overLimit("there is no memory for the decoder")
    }
    self.decoder = decoder
    let first = Int(request.first_column)
    self.columns = first..<first + Int(request.columns)
    if cjpeg_failed(decoder) != 0 { throw failure }
  }

  deinit { cjpeg_close(decoder) }

  func read(_ count: Int, into rows: UnsafeMutablePointer<UInt8>, stride: Int) -> Bool {
    cjpeg_read(decoder, rows, stride, UInt32(count)) != 0
  }

  func skip(_ count: Int) -> Bool { cjpeg_skip(decoder, UInt32(count)) != 0 }

  func finish() -> Bool { cjpeg_finish(decoder) != 0 }

  private var message: String { String(cString: cjpeg_message(decoder)) }

  /// Why decoding failed.
  var failure: DecodingFailure {
    .malformed(message.isEmpty ? "libjpeg cannot decode it" : message)
  }

  /// Warnings about the image data, but not about a header whose values do no harm.
  var warnings: [ImageWarning] {
    let message = message
    let damage = [
      "Corrupt JPEG data: ", "Inconsistent progression ", "Invalid SOS parameters",
    ]
    return damage.contains { message.hasPrefix($0) } ? [.damaged(message)] : []
  }
}

/// Converts CMYK pixels to RGB in place, from front to back, because RGB pixels are smaller.
///
/// Samples are assumed to be inverted, as nearly all encoders store them, with or without an Adobe
/// marker. They are converted as in Pillow: each channel is `(255 - k) - (255 - k) * c / 255`, with
/// the product rounded.
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
