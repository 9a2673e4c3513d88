/// The contents of a bitmap's headers: Windows' from version 2 on, and OS/2's.
///
/// Microsoft's BITMAPINFOHEADER and its relatives; where they leave a choice, as Pillow reads them.
struct BMPHeader {
  var width = 0
  var height = 0
  private var isTopDown = false
  private var layout = Layout.indices(bits: 8)
  /// The colours of indices, three bytes for each of 256.
  private var palette: [UInt8] = []
  /// Where the pixels begin.
  private var start = 0

  /// The sizes of a bitmap's second header, which identify its version.
  static let headerSizes: Set<Int> = [12, 40, 52, 56, 64, 108, 124]

  /// How pixels are stored.
  fileprivate enum Layout {
    /// Indices into the palette of 1, 4 or 8 bits, the first in the highest bits.
    case indices(bits: Int)
    /// Runs of indices.
    case runs(nibbles: Bool)
    /// Five bits each of red, green (or six) and blue from the highest to the lowest.
    case packed(green: Int)
    /// Whole bytes: the size of a pixel and where red, green and blue are.
    case bytes(count: Int, red: Int, green: Int, blue: Int)
  }
}

extension BMPHeader: ImageHeader {
  var orientation: Orientation { .upright }
  var codecBytes: Int { palette.count }

  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    guard let size = bytes.littleEndian(UInt32.self, at: 14), Self.headerSizes.contains(size),
      let header = bytes.slice(at: 14, count: size),
      let offset = bytes.littleEndian(UInt32.self, at: 10)
    else { throw .malformed("its header is cut short: the file is truncated") }
    let bits: Int
    var compression = 0
    var colors = 0
    if size == 12 {
      (width, height) = (header.short(at: 4), header.short(at: 6))
      bits = header.short(at: 10)
    } else {
      // A height whose highest byte is 255 is negative: the first row is the top one.
      isTopDown = header[11] == 0xFF
      let rows = header.long(at: 8)
      (width, height) = (header.long(at: 4), isTopDown ? 1 << 32 - rows : rows)
      bits = header.short(at: 14)
      compression = header.long(at: 16)
      colors = header.long(at: 32)
    }
    try limits.check(width: width, height: height)
    guard [1, 4, 8, 16, 24, 32].contains(bits) else { throw .unsupported("\(bits) bits per pixel") }
    if colors == 0 { colors = bits <= 8 ? 1 << bits : 0 }

    var end = 14 + size
    switch compression {
    case 0:
      layout =
        switch bits {
        case 16: .packed(green: 5)
        case 24: .bytes(count: 3, red: 2, green: 1, blue: 0)
        case 32: .bytes(count: 4, red: 2, green: 1, blue: 0)
        default: .indices(bits: bits)
        }
    case 1, 2:
      guard bits <= 8 else { throw .malformed("run-length coding of \(bits) bits per pixel") }
      layout = .runs(nibbles: compression == 2)
    case 3:
      layout = try Self.maskedLayout(bytes, headerSize: size, bits: bits)
      if size == 40 { end += 12 }
    default:
      throw .unsupported("compression \(compression)")
    }

    if bits <= 8 {
      let entry = size == 12 ? 3 : 4
      try readPalette(bytes, at: end, entry: entry, count: colors)
      end = min(end + entry * colors, bytes.count)
      // Some writers forget the palette when they compute the offset.
      start = offset == 14 + size ? offset + entry * colors : offset
    } else {
      start = offset
    }
    if start == 0 { start = end }
    try checkLength(bytes)
  }

  /// The layout that the colours' masks describe; the same ones as in Pillow.
  private static func maskedLayout(
    _ bytes: UnsafeRawBufferPointer, headerSize: Int, bits: Int
  ) throws(DecodingFailure) -> Layout {
    // Version 3 of the header has a mask for alpha; before that, the masks follow the header.
    guard let masks = bytes.slice(at: 14 + 40, count: 12) else {
      throw .malformed("its header is cut short: the file is truncated")
    }
    let alpha = headerSize >= 56 ? bytes.littleEndian(UInt32.self, at: 14 + 52) ?? 0 : 0
    let (red, green, blue) = (masks.long(at: 0), masks.long(at: 4), masks.long(at: 8))
    switch (bits, red, green, blue) {
    case (16, 0xF800, 0x7E0, 0x1F): return .packed(green: 6)
    case (16, 0x7C00, 0x3E0, 0x1F): return .packed(green: 5)
    case (24, 0xFF_0000, 0xFF00, 0xFF): return .bytes(count: 3, red: 2, green: 1, blue: 0)
    case (32, 0xFF_0000, 0xFF00, 0xFF) where alpha == 0 || alpha == 0xFF00_0000,
      (32, 0, 0, 0) where alpha == 0:
      return .bytes(count: 4, red: 2, green: 1, blue: 0)
    case (32, 0xFF00_0000, 0xFF_0000, 0xFF00) where alpha == 0 || alpha == 0xFF:
      return .bytes(count: 4, red: 3, green: 2, blue: 1)
    case (32, 0xFF00_0000, 0xFF00, 0xFF) where alpha == 0 || alpha == 0xFF_0000:
      return .bytes(count: 4, red: 3, green: 1, blue: 0)
    case (32, 0xFF, 0xFF00, 0xFF_0000) where alpha == 0xFF00_0000:
      return .bytes(count: 4, red: 0, green: 1, blue: 2)
    default: throw .unsupported("the bit masks of its colours")
    }
  }

  /// Reads the palette: blue, green and red, in entries of three or four bytes.
  private mutating func readPalette(
    _ bytes: UnsafeRawBufferPointer, at offset: Int, entry: Int, count: Int
  ) throws(DecodingFailure) {
    guard count <= 65_536 else { throw .malformed("its palette has \(count) colours") }
    // Entries beyond the end of the file are black, as are indices beyond the palette.
    let stored = min(count, max(bytes.count - offset, 0) / entry)
    palette = [UInt8](repeating: 0, count: 3 * 256)
    var isRamp = stored == count
    for index in 0..<stored {
      let color = offset + entry * index
      let (blue, green, red) = (bytes[color], bytes[color + 1], bytes[color + 2])
      if index < 256 {
        (palette[3 * index], palette[3 * index + 1], palette[3 * index + 2]) = (red, green, blue)
      }
      let gray = count == 2 ? 255 * index : index & 255
      isRamp = isRamp && (Int(red), Int(green), Int(blue)) == (gray, gray, gray)
    }
    guard isRamp || stored <= 256 else { throw .malformed("its palette has \(stored) colours") }
    // A ramp of grays goes on beyond the palette's end: black and white end in white.
    if isRamp {
      for index in 0..<256 {
        let gray = count > 2 ? UInt8(index) : index == 0 ? 0 : 255
        for channel in 0..<3 { palette[3 * index + channel] = gray }
      }
    }
  }

  /// The bytes of one row, without the padding to a multiple of four.
  private var rowBytes: Int {
    switch layout {
    case .indices(let bits): (width * bits + 7) / 8
    case .runs: width
    case .packed: 2 * width
    case .bytes(let count, _, _, _): count * width
    }
  }

  private var stride: Int { (rowBytes + 3) & ~3 }

  /// Rejects a file that is too short for its pixels, before memory is allocated for them.
  private func checkLength(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) {
    let stored = max(bytes.count - start, 0)
    let isEnough =
      switch layout {
      // Two bytes hold at most 255 pixels, and a delta of four skips at most 255 rows.
      case .runs: stored / 4 * 255 * (width + 1) + 1024 >= width * height
      default: (height - 1) * stride + rowBytes <= stored
      }
    guard isEnough else {
      throw .malformed("\(stored) bytes of image data cannot hold \(width)x\(height) pixels")
    }
  }

  func decode(_ bytes: UnsafeRawBufferPointer) throws(DecodingFailure) -> Image {
    var isComplete = true
    let pixels = [UInt8](unsafeUninitializedCapacity: 3 * width * height) { buffer, filled in
      guard let target = buffer.baseAddress else { return }
      if case .runs(let nibbles) = layout {
        var runs = BMPRuns(
          bytes, at: start, width: width, height: height, isTopDown: isTopDown, palette: palette,
          pixels: target)
        isComplete = runs.decode(nibbles: nibbles)
      } else {
        for row in 0..<height {
          let y = isTopDown ? row : height - 1 - row
          decodeRow(
            UnsafeRawBufferPointer(rebasing: bytes[(start + row * stride)...]),
            into: target + 3 * width * y)
        }
      }
      filled = isComplete ? buffer.count : 0
    }
    guard isComplete else { throw .malformed("the runs end before the last pixel") }
    return Image(width: width, height: height, pixels: pixels, warnings: [])
  }

  private func decodeRow(_ row: UnsafeRawBufferPointer, into pixels: UnsafeMutablePointer<UInt8>) {
    switch layout {
    case .indices(let bits):
      palette.withUnsafeBufferPointer { palette in
        for x in 0..<width {
          let position = x * bits
          let byte = row[position >> 3] >> UInt8(8 - bits - position & 7)
          let index = Int(byte & UInt8(truncatingIfNeeded: 1 << bits - 1))
          for channel in 0..<3 { pixels[3 * x + channel] = palette[3 * index + channel] }
        }
      }
    case .packed(let green):
      let (most, redShift) = (1 << green - 1, 5 + green)
      for x in 0..<width {
        let pixel = Int(row[2 * x]) | Int(row[2 * x + 1]) << 8
        pixels[3 * x] = UInt8((pixel >> redShift & 31) * 255 / 31)
        pixels[3 * x + 1] = UInt8((pixel >> 5 & most) * 255 / most)
        pixels[3 * x + 2] = UInt8((pixel & 31) * 255 / 31)
      }
    case .bytes(let count, let red, let green, let blue):
      for x in 0..<width {
        pixels[3 * x] = row[count * x + red]
        pixels[3 * x + 1] = row[count * x + green]
        pixels[3 * x + 2] = row[count * x + blue]
      }
    case .runs: break
    }
  }
}

extension UnsafeRawBufferPointer {
  /// The little-endian number at an offset that is known to be inside.
  fileprivate func short(at offset: Int) -> Int { littleEndian(UInt16.self, at: offset)! }
  fileprivate func long(at offset: Int) -> Int { littleEndian(UInt32.self, at: offset)! }
}
