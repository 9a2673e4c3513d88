/// The header of a netpbm file: the format of the samples and where they begin.
struct PNMHeader: Sendable {
  /// How the samples are written.
  enum Encoding {
    /// Decimal numbers, or single digits for bitmaps.
    case plain
    /// Eight pixels per byte, rows padded to whole bytes; 1 is black.
    case packedBits
    /// One byte per sample, or two, most significant first, if the maximum exceeds 255.
    case raw
  }

  var width = 0
  var height = 0
  /// Samples per pixel: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
  var channels: Int
  /// The sample value that means full intensity, 1…65535.
  var maximum = 1
  var encoding: Encoding
  /// Whether the file is a bitmap (`P1`, `P4`), in which 1 is black.
  var isBitmap = false
  /// Whether the file is a PAM (`P7`).
  var isPAM = false
  /// The offset of the first sample.
  var rasterOffset = 0
}

/// The maximum number of digits in a header; the same as in Pillow.
private let longestToken = 10

/// Walks over the whitespace, comments and words of a header.
struct PNMScanner {
  let bytes: UnsafeRawBufferPointer
  var offset = 0

  /// The next word, without the whitespace and comments before it; empty at the end.
  ///
  /// A comment runs from `#` to the end of the line, counts as whitespace, and may directly follow
  /// a word.
  mutating func word() -> UnsafeRawBufferPointer {
    skipBlanks()
    let start = offset
    while let byte = bytes.byte(at: offset), !byte.isPNMWhitespace, byte != UInt8(ascii: "#") {
      offset += 1
    }
    return UnsafeRawBufferPointer(rebasing: bytes[start..<offset])
  }

  /// The next word as an unsigned decimal number.
  mutating func number(_ meaning: String) throws(DecodingFailure) -> Int {
    let digits = word()
    guard !digits.isEmpty else { throw .malformed("the data ends before the \(meaning)") }
    guard digits.count <= longestToken else {
      throw .malformed(
        "the \(meaning) at byte \(offset - digits.count) has more than \(longestToken) digits")
    }
    var value = 0
    for digit in digits {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else {
        throw .malformed(
          "the \(meaning) at byte \(offset - digits.count) is not an unsigned number")
      }
      value = 10 * value + Int(digit - UInt8(ascii: "0"))
    }
    return value
  }

  /// The next digit of a plain bitmap, which needs no whitespace around it.
  mutating func bit() throws(DecodingFailure) -> Int {
    skipBlanks()
    switch bytes.byte(at: offset) {
    case UInt8(ascii: "0"): offset += 1
    case UInt8(ascii: "1"):
      offset += 1
      return 1
    case nil: throw .malformed("the bitmap ends too early")
    default: throw .malformed("the bitmap contains something other than 0 and 1 at byte \(offset)")
    }
    return 0
  }

  /// Skips a comment that directly follows a word.
  mutating func skipComment() {
    guard bytes.byte(at: offset) == UInt8(ascii: "#") else { return }
    while let byte = bytes.byte(at: offset), byte != 0x0A, byte != 0x0D { offset += 1 }
  }

  private mutating func skipBlanks() {
    while let byte = bytes.byte(at: offset) {
      if byte.isPNMWhitespace {
        offset += 1
      } else if byte == UInt8(ascii: "#") {
        skipComment()
      } else {
        return
      }
    }
  }
}

extension PNMHeader {
  /// Parses the header of `P1` to `P7`; the first two bytes are already known to be one of these.
  init(_ bytes: UnsafeRawBufferPointer, limits: DecodingLimits) throws(DecodingFailure) {
    let kind = bytes[1] - UInt8(ascii: "0")
    switch kind {
    case 1: self.init(channels: 1, encoding: .plain, isBitmap: true)
    case 2: self.init(channels: 1, encoding: .plain)
    case 3: self.init(channels: 3, encoding: .plain)
    case 4: self.init(channels: 1, encoding: .packedBits, isBitmap: true)
    case 5: self.init(channels: 1, encoding: .raw)
    case 6: self.init(channels: 3, encoding: .raw)
    default: self.init(channels: 0, encoding: .raw, isPAM: true)
    }
    var scanner = PNMScanner(bytes: bytes, offset: 2)
    if isPAM {
      try readPAMFields(&scanner)
    } else {
      width = try scanner.number("width")
      height = try scanner.number("height")
      if !isBitmap { maximum = try scanner.number("maximum value") }
      // One whitespace byte, then the raster: everything after it is pixels, even whitespace and #.
      scanner.skipComment()
      guard let separator = bytes.byte(at: scanner.offset), separator.isPNMWhitespace else {
        throw .malformed("no whitespace between the header and the pixels")
      }
      scanner.offset += 1
    }
    guard (1...65_535).contains(maximum) else {
      throw .malformed("the maximum value is \(maximum), outside 1...65535")
    }
    try limits.check(width: width, height: height)
    rasterOffset = scanner.offset
    try checkRaster(holds: bytes.count - rasterOffset)
  }

  /// Rejects a file that is too short for its pixels, before allocating memory for them.
  private func checkRaster(holds found: Int) throws(DecodingFailure) {
    // Within the limits none of these products can overflow.
    let samples = width * height * channels
    let needed =
      switch encoding {
      case .plain: isBitmap ? samples : 2 * samples - 1
      case .packedBits: (width + 7) / 8 * height
      case .raw: maximum < 256 ? samples : 2 * samples
      }
    guard found >= needed else {
      throw .malformed(
        "\(width)x\(height) pixels need at least \(needed) bytes, the file has \(found)")
    }
  }

  /// Reads the fields of a PAM header, up to and including the line `ENDHDR`.
  private mutating func readPAMFields(_ scanner: inout PNMScanner) throws(DecodingFailure) {
    var (sawWidth, sawHeight, sawDepth, sawMaximum) = (false, false, false, false)
    var tupleType: String?
    while true {
      let field = String(decoding: scanner.word().prefix(longestToken), as: UTF8.self)
      switch field {
      case "WIDTH": (width, sawWidth) = (try scanner.number("WIDTH"), true)
      case "HEIGHT": (height, sawHeight) = (try scanner.number("HEIGHT"), true)
      case "DEPTH": (channels, sawDepth) = (try scanner.number("DEPTH"), true)
      case "MAXVAL": (maximum, sawMaximum) = (try scanner.number("MAXVAL"), true)
      case "TUPLTYPE": tupleType = String(decoding: scanner.word().prefix(32), as: UTF8.self)
      case "": throw .malformed("the header ends before ENDHDR")
      case "ENDHDR":
        guard sawWidth, sawHeight, sawDepth, sawMaximum else {
          throw .malformed("the header lacks one of WIDTH, HEIGHT, DEPTH and MAXVAL")
        }
        guard scanner.bytes.byte(at: scanner.offset) == 0x0A else {
          throw .malformed("no line feed after ENDHDR")
        }
        scanner.offset += 1
        try checkTuples(of: tupleType)
        return
      default: throw .malformed("the header has an unknown field at byte \(scanner.offset)")
      }
    }
  }

  private func checkTuples(of type: String?) throws(DecodingFailure) {
    let expected: Int
    switch type {
    case nil: expected = min(max(channels, 1), 4)
    case "BLACKANDWHITE", "GRAYSCALE": expected = 1
    case "BLACKANDWHITE_ALPHA", "GRAYSCALE_ALPHA": expected = 2
    case "RGB": expected = 3
    case "RGB_ALPHA": expected = 4
    default: throw .unsupported("the tuple type is neither gray nor RGB")
    }
    guard channels == expected else {
      throw .malformed("DEPTH is \(channels), but the tuples have \(expected) samples")
    }
  }
}
