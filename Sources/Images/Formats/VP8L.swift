/// The number of prefix code groups of a lossless WebP stream, which determines its decoding
/// memory.
///
/// An image of any size can have 65 536 groups in a few hundred kilobytes, and libwebp builds
/// tables of 12 to 23 KB for each group before it decodes a pixel. The number is the maximum value
/// in a separate image that follows those of the transforms, so all of these must be decoded; each
/// has at most a sixteenth of the pixels. RFC 9649, section 3.
struct VP8LHeader {
  /// The number of groups of prefix codes.
  private(set) var groups = 1
  /// The logarithm of the colour cache's size.
  private var cacheBits = 0
  private var bits: VP8LBits

  /// Reads the `VP8L` chunk's data, which begin with the image's size.
  init(_ data: UnsafeRawBufferPointer) {
    bits = VP8LBits(data)
    _ = bits.read(8)
    let (width, height) = (1 + bits.read(14), 1 + bits.read(14))
    _ = bits.read(4)
    readPrefix(width: width, height: height)
  }

  /// Reads a stream without the image's size, as in an `ALPH` chunk.
  init(_ data: UnsafeRawBufferPointer, width: Int, height: Int) {
    bits = VP8LBits(data)
    readPrefix(width: width, height: height)
  }

  /// The size in bytes of the tables in libwebp 1.2; later versions need less.
  var tableBytes: Int { groups * (4 * (3000 + (1 << cacheBits)) + 600) }

  /// Reads everything before the pixels.
  ///
  /// If the data is damaged, libwebp stops here too.
  private mutating func readPrefix(width: Int, height: Int) {
    var width = width
    var seen: Set<Int> = []
    while bits.read(1) == 1 {
      let transform = bits.read(2)
      // Each may appear only once.
      guard seen.insert(transform).inserted else { return }
      switch transform {
      case 0, 1:  // prediction, and colour transform: parameters for each square
        guard readSquares(width: width, height: height) != nil else { return }
      case 2: break  // green was subtracted
      default:  // a palette; several indices may share a pixel
        let colors = bits.read(8) + 1
        guard readImage(width: colors, height: 1) != nil else { return }
        let packing = colors > 16 ? 0 : colors > 4 ? 1 : colors > 2 ? 2 : 3
        width = (width + (1 << packing) - 1) >> packing
      }
    }
    if bits.read(1) == 1 { cacheBits = bits.read(4) }
    guard bits.read(1) == 1, let numbers = readSquares(width: width, height: height) else { return }
    var isUsed = [Bool](repeating: false, count: 1 << 16)
    for pixel in numbers { isUsed[Int(pixel >> 8 & 0xFFFF)] = true }
    let all = (isUsed.lastIndex(of: true) ?? 0) + 1
    // libwebp omits groups that no pixel uses, but only if there are many.
    groups = all > 1000 ? isUsed.count { $0 } : all
  }

  /// Reads an image of one pixel for each square of `1 << n` pixels.
  private mutating func readSquares(width: Int, height: Int) -> [UInt32]? {
    let size = bits.read(3) + 2
    return readImage(
      width: (width + (1 << size) - 1) >> size, height: (height + (1 << size) - 1) >> size)
  }

  /// Reads an image with a single group of prefix codes.
  private mutating func readImage(width: Int, height: Int) -> [UInt32]? {
    var cache: [UInt32] = []
    var cacheShift: UInt32 = 32
    if bits.read(1) == 1 {
      let cacheBits = bits.read(4)
      guard (1...11).contains(cacheBits) else { return nil }
      cache = Array(repeating: 0, count: 1 << cacheBits)
      cacheShift = 32 - UInt32(cacheBits)
    }
    guard let greens = VP8LPrefixCode(&bits, alphabet: 256 + 24 + cache.count),
      let reds = VP8LPrefixCode(&bits, alphabet: 256),
      let blues = VP8LPrefixCode(&bits, alphabet: 256),
      let alphas = VP8LPrefixCode(&bits, alphabet: 256),
      let distances = VP8LPrefixCode(&bits, alphabet: 40)
    else { return nil }

    let count = width * height
    var pixels: [UInt32] = []
    pixels.reserveCapacity(count)
    func append(_ pixel: UInt32) {
      pixels.append(pixel)
      if !cache.isEmpty { cache[Int((pixel &* 0x1E35_A7BD) >> cacheShift)] = pixel }
    }
    while pixels.count < count, !bits.isExhausted {
      guard let symbol = greens.read(&bits) else { return nil }
      if symbol < 256 {
        guard let red = reds.read(&bits), let blue = blues.read(&bits),
          let alpha = alphas.read(&bits)
        else { return nil }
        append(UInt32(alpha << 24 | red << 16 | symbol << 8 | blue))
      } else if symbol < 256 + 24 {
        let length = readExtended(symbol - 256)
        guard let prefix = distances.read(&bits) else { return nil }
        let distance = Self.distance(readExtended(prefix), width: width)
        guard distance <= pixels.count, length <= count - pixels.count else { return nil }
        for _ in 0..<length { append(pixels[pixels.count - distance]) }
      } else {
        append(cache[symbol - 256 - 24])
      }
    }
    return pixels.count == count ? pixels : nil
  }

  /// A length or distance: a symbol for its magnitude, and the bits that follow.
  private mutating func readExtended(_ symbol: Int) -> Int {
    if symbol < 4 { return symbol + 1 }
    let extra = (symbol - 2) >> 1
    return (2 + symbol & 1) << extra + bits.read(extra) + 1
  }

  /// How many pixels back a distance code points: the first 120 codes are pixels nearby.
  private static func distance(_ code: Int, width: Int) -> Int {
    guard code <= nearby.count else { return code - nearby.count }
    let (x, y) = nearby[code - 1]
    return max(y * width + x, 1)
  }

  /// The pixels above and to the left that are less than 8 rows and 9 columns away, by distance.
  ///
  /// Of equally distant ones, the higher comes first.
  private static let nearby: [(x: Int, y: Int)] = {
    let all = (0..<8).flatMap { y in (-7...8).map { x in (x: x, y: y) } }
    func rank(_ place: (x: Int, y: Int)) -> (Int, Int, Int) {
      (place.x * place.x + place.y * place.y, -place.y, -place.x)
    }
    return all.filter { $0.y > 0 || $0.x > 0 }.sorted { rank($0) < rank($1) }
  }()
}

/// Bits of a lossless WebP stream, from the least significant of each byte; zeros after the end.
struct VP8LBits {
  private let bytes: UnsafeRawBufferPointer
  private var position = 0

  init(_ bytes: UnsafeRawBufferPointer) {
    self.bytes = bytes
  }

  /// The next `count` bits, at most 32, as a number.
  mutating func read(_ count: Int) -> Int {
    var value = 0
    for index in 0..<count {
      if let byte = bytes.byte(at: position >> 3) {
        value |= Int(byte >> UInt8(position & 7) & 1) << index
      }
      position += 1
    }
    return value
  }

  /// Whether more bits were read than the stream has.
  var isExhausted: Bool { position > 8 * bytes.count }
}

/// A canonical prefix code of a lossless WebP stream.
///
/// RFC 9649, section 3.7.2.
struct VP8LPrefixCode {
  /// The number of symbols with a code of each length.
  private var counts = [Int](repeating: 0, count: 16)
  /// The symbols in the order of their codes.
  private var symbols: [Int] = []

  /// Reads the code's lengths; `nil` if they do not form a complete code.
  init?(_ bits: inout VP8LBits, alphabet: Int) {
    if bits.read(1) == 1 {
      let count = 1 + bits.read(1)
      var lengths = [Int](repeating: 0, count: 256)
      lengths[bits.read(bits.read(1) == 1 ? 8 : 1)] = 1
      if count == 2 { lengths[bits.read(8)] = 1 }
      self.init(lengths: lengths)
    } else {
      self.init(lengthsOf: alphabet, &bits)
    }
  }

  private init?(lengths: [Int]) {
    for length in lengths { counts[length] += 1 }
    counts[0] = 0
    for length in 1..<16 {
      for (symbol, own) in lengths.enumerated() where own == length { symbols.append(symbol) }
    }
    // A single symbol takes no bits; the codes of several must leave no gap.
    let used = (1..<16).reduce(0) { $0 + counts[$1] << (15 - $1) }
    guard symbols.count == 1 || used == 1 << 15 else { return nil }
  }

  /// Reads lengths that are themselves prefix-coded.
  private init?(lengthsOf alphabet: Int, _ bits: inout VP8LBits) {
    let order = [17, 18, 0, 1, 2, 3, 4, 5, 16, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15]
    var lengths = [Int](repeating: 0, count: 19)
    for symbol in order.prefix(4 + bits.read(4)) { lengths[symbol] = bits.read(3) }
    guard let code = VP8LPrefixCode(lengths: lengths) else { return nil }

    var left = alphabet
    if bits.read(1) == 1 {
      left = 2 + bits.read(2 + 2 * bits.read(3))
      guard left <= alphabet else { return nil }
    }
    lengths = []
    var previous = 8
    while lengths.count < alphabet, left > 0 {
      left -= 1
      guard let symbol = code.read(&bits) else { return nil }
      switch symbol {
      case 16: lengths += Array(repeating: previous, count: 3 + bits.read(2))
      case 17: lengths += Array(repeating: 0, count: 3 + bits.read(3))
      case 18: lengths += Array(repeating: 0, count: 11 + bits.read(7))
      default:
        lengths.append(symbol)
        if symbol > 0 { previous = symbol }
      }
    }
    guard lengths.count <= alphabet else { return nil }
    self.init(lengths: lengths)
  }

  /// The next symbol.
  func read(_ bits: inout VP8LBits) -> Int? {
    if symbols.count == 1 { return symbols[0] }
    var (code, first, index) = (0, 0, 0)
    for length in 1..<16 {
      code |= bits.read(1)
      if code - first < counts[length] { return symbols[index + code - first] }
      index += counts[length]
      first = (first + counts[length]) << 1
      code <<= 1
    }
    return nil
  }
}
