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

  /// Whether more was read than there is.
  var isExhausted: Bool { position > 8 * bytes.count }
}

/// A canonical prefix code of a lossless WebP stream.
///
/// RFC 9649, section 3.7.2.
struct VP8LPrefixCode {
  /// How many symbols have a code of each length.
  private var counts = [Int](repeating: 0, count: 16)
  /// The symbols in the order of their codes.
  private var symbols: [Int] = []

  /// Reads the code's lengths; `nil` where they make no complete code.
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
    // A single symbol takes no bits; of several, the codes must leave no gap.
    let used = (1..<16).reduce(0) { $0 + counts[$1] << (15 - $1) }
    guard symbols.count == 1 || used == 1 << 15 else { return nil }
  }

  /// Reads lengths that are themselves written in a prefix code.
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
