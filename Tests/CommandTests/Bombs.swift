/// Small files that require a lot of memory or work.
enum Bomb {
  // MARK: PNG

  /// A PNG of black pixels, which deflate compresses to a thousandth.
  static func png(
    width: Int, height: Int, depth: Int, color: UInt8, interlaced: Bool = false
  ) -> [UInt8] {
    let samples = [0: 1, 2: 3, 3: 1, 4: 2, 6: 4][color] ?? 1
    func bytes(_ width: Int, _ height: Int) -> Int {
      width == 0 ? 0 : height * (1 + (width * samples * depth + 7) / 8)
    }
    // The steps of Adam7's passes: first column and row, and the distances between them.
    let passes = [
      (0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
      (0, 1, 1, 2),
    ]
    let size =
      interlaced
      ? passes.reduce(0) { sum, pass in
        sum + bytes((width - pass.0 + pass.2 - 1) / pass.2, (height - pass.1 + pass.3 - 1) / pass.3)
      } : bytes(width, height)
    return pngSignature
      + chunk(
        "IHDR",
        bigEndian32(width) + bigEndian32(height)
          + [UInt8(depth), color, 0, 0, interlaced ? 1 : 0])
      + chunk("IDAT", deflatedZeros(size)) + chunk("IEND", [])
  }

  /// A PNG of one pixel with a chunk repeated before its image data.
  static func png(repeating type: String, _ data: [UInt8], count: Int) -> [UInt8] {
    let whole = png(width: 1, height: 1, depth: 8, color: 2)
    let repeated = chunk(type, data)
    return whole[..<33] + (0..<count).flatMap { _ in repeated } + whole[33...]
  }

  static let pngSignature: [UInt8] = [0x89] + "PNG\r\n\u{1A}\n".utf8

  static func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
    let body = Array(type.utf8) + data
    return bigEndian32(data.count) + body + bigEndian32(Int(crc32(body)))
  }

  /// `count` zeros as a zlib stream: one block in which "258 more of the same" takes 2 bits.
  static func deflatedZeros(_ count: Int) -> [UInt8] {
    var bits = BitWriter(leastFirst: true)
    bits.put(0x0178, 16)  // zlib's header
    bits.put(0b101, 3)  // the last block, with codes of its own
    bits.put(286 - 257, 5)
    bits.put(0, 5)
    bits.put(18 - 4, 4)
    // Lengths of the codes of code lengths, in deflate's order: 18 takes 1 bit, 2 and 1 take 2.
    for symbol in [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1] {
      bits.put([18: 1, 2: 2, 1: 2][symbol] ?? 0, 3)
    }
    // Literal 0 and the end take 2 bits, length 258 and the distance 1 take 1; the rest have none.
    let (one, two) = (0b01, 0b11)
    func zeros(_ count: Int) {
      bits.put(0, 1)
      bits.put(count - 11, 7)
    }
    bits.put(two, 2)
    zeros(138)
    zeros(255 - 138)
    bits.put(two, 2)
    zeros(28)
    bits.put(one, 2)
    bits.put(one, 2)
    for _ in 0..<(count - 1) % 258 + 1 { bits.put(0b01, 2) }
    bits.put(zeros: (count - 1) / 258 * 2)
    bits.put(0b11, 2)
    let adler = (count % 65521) << 16 | 1
    return bits.bytes + bigEndian32(adler)
  }

  // MARK: JPEG

  /// One scan: its components, and the first and last coefficient and the bits of them that it has.
  struct Scan {
    var components: [UInt8]
    var band: (first: UInt8, last: UInt8)
    var bits: (high: UInt8, low: UInt8)
    var data: [UInt8]
  }

  /// A gray or full-resolution colour JPEG, whose Huffman codes are 0 for the end of a block and 10
  /// for a run of up to 32 767 empty blocks.
  static func jpeg(
    width: Int, height: Int, components: Int, frame: UInt8, before: [UInt8] = [], scans: [Scan]
  ) -> [UInt8] {
    var bytes: [UInt8] = [0xFF, 0xD8] + before
    bytes += segment(0xDB, [0] + Array(repeating: 1, count: 64))
    let sides = [UInt8(height >> 8), UInt8(height & 255), UInt8(width >> 8), UInt8(width & 255)]
    bytes += segment(
      frame,
      [8] + sides + [UInt8(components)]
        + (1...UInt8(components)).flatMap { [$0, 0x11, 0] as [UInt8] })
    bytes += segment(0xC4, [0x00, 1] + Array(repeating: 0, count: 15) + [0])
    bytes += segment(0xC4, [0x10, 1, 1] + Array(repeating: 0, count: 14) + [0, 0xE0])
    for scan in scans {
      bytes += segment(
        0xDA,
        [UInt8(scan.components.count)] + scan.components.flatMap { [$0, 0] }
          + [scan.band.first, scan.band.last, scan.bits.high << 4 | scan.bits.low])
      bytes += scan.data
    }
    return bytes + [0xFF, 0xD9]
  }

  /// A scan over whole blocks, all gray.
  static func sequentialScan(components: Int, blocks: Int) -> Scan {
    Scan(
      components: Array(1...UInt8(components)), band: (0, 63), bits: (0, 0),
      data: Array(repeating: 0, count: (2 * components * blocks + 7) / 8))
  }

  /// A progressive file whose scans after the first add nothing to any block.
  static func progressiveJPEG(
    side: Int, components: Int, laterScans: Int, before: [UInt8] = []
  ) -> [UInt8] {
    let blocks = ((side + 7) / 8) * ((side + 7) / 8)
    let first = Scan(
      components: Array(1...UInt8(components)), band: (0, 0), bits: (0, 0),
      data: Array(repeating: 0, count: (components * blocks + 7) / 8))
    var runs = BitWriter(leastFirst: false)
    for _ in 0..<(blocks + 32_766) / 32_767 { runs.put(0b10_11_1111_1111_1111, 16) }
    let stuffed = runs.bytes.flatMap { $0 == 0xFF ? [$0, 0] : [$0] }
    let later = (0..<laterScans).map { index in
      Scan(
        components: [UInt8(index % components + 1)], band: (1, 63),
        bits: index < components ? (0, 1) : (1, 0), data: stuffed)
    }
    return jpeg(
      width: side, height: side, components: components, frame: 0xC2, before: before,
      scans: [first] + later)
  }

  /// An EXIF block with an orientation.
  static func exif(orientation: UInt8) -> [UInt8] {
    segment(
      0xE1,
      Array("Exif\0\0MM\0*\0\0\0\u{8}\0\u{1}".utf8) + [1, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation]
        + Array(repeating: 0, count: 6))
  }

  static func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
    let length = data.count + 2
    return [0xFF, marker, UInt8(length >> 8), UInt8(length & 255)] + data
  }

  // MARK: WebP

  /// A lossless WebP with identical pixels that take no bits at all.
  static func webp(width: Int, height: Int) -> [UInt8] {
    var bits = BitWriter(leastFirst: true)
    bits.put(0x2F, 8)
    bits.put(width - 1, 14)
    bits.put(height - 1, 14)
    bits.put(0, 4)  // no alpha, version 0
    bits.put(0, 3)  // no transform, no colour cache, one set of codes
    for _ in 0..<5 { bits.putCodeOfZero() }
    return riff(bits.bytes)
  }

  /// A lossless WebP of side 8192, with separate codes for each square of 32 x 32 pixels.
  static func webpOfManyCodes() -> [UInt8] {
    var bits = BitWriter(leastFirst: true)
    bits.put(0x2F, 8)
    bits.put(8191, 14)
    bits.put(8191, 14)
    bits.put(0, 4)
    bits.put(0, 1)  // no transform
    bits.put(1 | 11 << 1, 5)  // a colour cache of 2048
    bits.put(1 | 3 << 1, 4)  // many sets of codes, their numbers in an image without a cache
    bits.put(0, 1)
    bits.putCodeOfBytes(alphabet: 280)
    bits.putCodeOfBytes(alphabet: 256)
    for _ in 0..<3 { bits.putCodeOfZero() }
    var most = BitWriter(leastFirst: false)
    for number in 0..<65_536 { most.put((number & 255) << 8 | number >> 8, 16) }
    for byte in most.bytes { bits.put(reversed: byte) }
    for _ in 0..<5 * 65_536 { bits.putCodeOfZero() }
    return riff(bits.bytes)
  }

  private static func riff(_ image: [UInt8]) -> [UInt8] {
    let data = image + (image.count % 2 == 0 ? [] : [0])
    return Array("RIFF".utf8) + littleEndian32(data.count + 12) + "WEBPVP8L".utf8
      + littleEndian32(image.count) + data
  }

  // MARK: Numbers

  private static func bigEndian32(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  private static func littleEndian32(_ value: Int) -> [UInt8] {
    bigEndian32(value).reversed()
  }

  private static func crc32(_ bytes: [UInt8]) -> UInt32 {
    var remainder = UInt32.max
    for byte in bytes {
      remainder ^= UInt32(byte)
      for _ in 0..<8 {
        remainder = remainder & 1 == 1 ? 0xEDB8_8320 ^ (remainder >> 1) : remainder >> 1
      }
    }
    return ~remainder
  }
}

/// Bits that fill bytes from their least significant bit, as in deflate and WebP, or from the most
/// significant, as in JPEG.
struct BitWriter {
  let leastFirst: Bool
  private(set) var bytes: [UInt8] = []
  private var used = 8

  init(leastFirst: Bool) {
    self.leastFirst = leastFirst
  }

  mutating func put(_ value: Int, _ count: Int) {
    for index in 0..<count {
      let bit = UInt8(value >> (leastFirst ? index : count - 1 - index) & 1)
      if used == 8 {
        bytes.append(0)
        used = 0
      }
      bytes[bytes.count - 1] |= bit << (leastFirst ? used : 7 - used)
      used += 1
    }
  }

  mutating func put(reversed byte: UInt8) {
    for index in 0..<8 { put(Int(byte >> (7 - index)) & 1, 1) }
  }

  /// WebP's code of the single symbol 0, which takes no bits itself.
  mutating func putCodeOfZero() {
    put(0b0001, 4)
  }

  /// WebP's code in which the first 256 symbols take 8 bits each, and others do not exist.
  mutating func putCodeOfBytes(alphabet: Int) {
    put(0, 1)
    put(12 - 4, 4)
    // Lengths of the codes of lengths, in WebP's order: 8 and 0 take 1 bit, or 0 and 18 take 2.
    let (zero, run) = alphabet > 256 ? (2, 2) : (1, 0)
    for symbol in [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8] {
      put([0: zero, 8: 1, 18: run][symbol] ?? 0, 3)
    }
    put(0, 1)
    for _ in 0..<256 { put(alphabet > 256 ? 0 : 1, 1) }
    if alphabet > 256 {
      put(0b11, 2)
      put(alphabet - 256 - 11, 7)
    }
  }

  mutating func put(zeros count: Int) {
    let free = min(8 - used, count)
    used += free
    let whole = (count - free) / 8
    bytes += Array(repeating: 0, count: whole)
    if whole > 0 { used = 8 }
    put(0, count - free - 8 * whole)
  }
}
