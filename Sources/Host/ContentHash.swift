/// 128 bits that recognise the same bytes: two independent 64-bit hashes.
///
/// It is much faster than a cryptographic hash and needs no library, but does not resist somebody
/// who constructs bytes with a given hash.
package struct ContentHash: Hashable, Sendable {
  private var state = SIMD2<UInt64>(0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F)

  /// The hash of nothing.
  package init() {}

  /// The hash of whole contents.
  package init(_ bytes: [UInt8]) {
    append(UInt64(bytes.count))
    bytes.withUnsafeBytes { append($0) }
  }

  /// Both hashes.
  package var words: SIMD2<UInt64> { state }

  /// Appends a number.
  package mutating func append(_ word: UInt64) {
    let factors = SIMD2<UInt64>(0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
    state = (state ^ SIMD2(repeating: word)) &* factors
    state ^= state &>> 29
  }

  /// Appends bytes, eight at a time, then those left over; their number is not part of the hash.
  package mutating func append(_ bytes: UnsafeRawBufferPointer) {
    var hash = self
    let words = bytes.count / 8
    for index in 0..<words {
      hash.append(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
    }
    for index in 8 * words..<bytes.count { hash.append(UInt64(bytes[index])) }
    self = hash
  }
}

extension ContentHash: CustomStringConvertible {
  /// 32 hexadecimal digits.
  package var description: String {
    [state.x, state.y].map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 16 - digits.count) + digits
    }.joined()
  }

  /// The hash with this description; `nil` if it is not one.
  package init?(_ description: String) {
    let digits = Array(description.utf8)
    guard digits.count == 32, !digits.contains(UInt8(ascii: "+")),
      !digits.contains(UInt8(ascii: "-")),
      let first = UInt64(String(decoding: digits[..<16], as: UTF8.self), radix: 16),
      let second = UInt64(String(decoding: digits[16...], as: UTF8.self), radix: 16)
    else { return nil }
    state = SIMD2(first, second)
  }
}
