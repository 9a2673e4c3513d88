/// What has to be known of a lossless WebP stream to tell what decoding it takes: how many groups of
/// prefix codes it has.
///
/// A picture of any size can have 65 536 of them, in a few hundred kilobytes; libwebp makes tables of
/// 12 to 23 KB for each before it decodes a pixel. Their number is the greatest in a picture of its
/// own, which lies behind those of the transforms, so that all of these have to be decoded, at most
/// a sixteenth of the pixels each. RFC 9649, section 3.
struct VP8LStructure {
  /// The groups of prefix codes.
  private(set) var groups = 1
  /// The logarithm of the colour cache's size.
  private var cacheBits = 0
  private var bits: VP8LBits

  /// Reads the `VP8L` chunk's data, which begin with the picture's size.
  init(_ data: UnsafeRawBufferPointer) {
    bits = VP8LBits(data)
    _ = bits.read(8)
    let (width, height) = (1 + bits.read(14), 1 + bits.read(14))
    _ = bits.read(4)
    readPrefix(width: width, height: height)
  }

  /// Reads a stream without the picture's size, as it lies in an `ALPH` chunk.
  init(_ data: UnsafeRawBufferPointer, width: Int, height: Int) {
    bits = VP8LBits(data)
    readPrefix(width: width, height: height)
  }

  /// The bytes of the tables that libwebp 1.2 makes; later ones make less.
  var tableBytes: Int { groups * (4 * (3000 + (1 << cacheBits)) + 600) }

  /// Reads what comes before the pixels.
  ///
  /// Where it is damaged, libwebp does not come further either.
  private mutating func readPrefix(width: Int, height: Int) {
    var width = width
    var seen: Set<Int> = []
    while bits.read(1) == 1 {
      let transform = bits.read(2)
      // Each may come but once.
      guard seen.insert(transform).inserted else { return }
      switch transform {
      case 0, 1:  // prediction, and how far green tells red and blue: parameters for each square
        guard readSquares(width: width, height: height) != nil else { return }
      case 2: break  // green was subtracted
      default:  // a palette, whose indices may lie several to a pixel
        let colors = bits.read(8) + 1
        guard readPicture(width: colors, height: 1) != nil else { return }
        let packing = colors > 16 ? 0 : colors > 4 ? 1 : colors > 2 ? 2 : 3
        width = (width + (1 << packing) - 1) >> packing
      }
    }
    if bits.read(1) == 1 { cacheBits = bits.read(4) }
    guard bits.read(1) == 1, let numbers = readSquares(width: width, height: height) else { return }
    var isUsed = [Bool](repeating: false, count: 1 << 16)
    for pixel in numbers { isUsed[Int(pixel >> 8 & 0xFFFF)] = true }
    let all = (isUsed.lastIndex(of: true) ?? 0) + 1
    // libwebp leaves out what no pixel uses, but only where there are many.
    groups = all > 1000 ? isUsed.count { $0 } : all
  }

  /// Reads a picture of one pixel for each square of `1 << n` pixels.
  private mutating func readSquares(width: Int, height: Int) -> [UInt32]? {
    let size = bits.read(3) + 2
    return readPicture(
      width: (width + (1 << size) - 1) >> size, height: (height + (1 << size) - 1) >> size)
  }

  /// Reads a picture that has but one group of prefix codes.
  private mutating func readPicture(width: Int, height: Int) -> [UInt32]? {
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

  /// A length or distance: a symbol that says its magnitude, and the bits that follow.
  private mutating func readExtended(_ symbol: Int) -> Int {
    if symbol < 4 { return symbol + 1 }
    let extra = (symbol - 2) >> 1
    return (2 + symbol & 1) << extra + bits.read(extra) + 1
  }

  /// How many pixels back a distance's code points: the first 120 codes are places nearby.
  private static func distance(_ code: Int, width: Int) -> Int {
    guard code <= places.count else { return code - places.count }
    let (x, y) = places[code - 1]
    return max(y * width + x, 1)
  }

  /// The pixels above and to the left that are less than 8 rows and 9 columns away, by distance;
  /// of equally near ones the higher first.
  private static let places: [(x: Int, y: Int)] = {
    let all = (0..<8).flatMap { y in (-7...8).map { x in (x: x, y: y) } }
    func rank(_ place: (x: Int, y: Int)) -> (Int, Int, Int) {
      (place.x * place.x + place.y * place.y, -place.y, -place.x)
    }
    return all.filter { $0.y > 0 || $0.x > 0 }.sorted { rank($0) < rank($1) }
  }()
}
