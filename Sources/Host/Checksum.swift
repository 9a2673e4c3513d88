/// A 64-bit checksum of a sequence of byte strings.
///
/// It detects damage, not forgery: files that a run writes for itself need no cryptographic hash, and
/// this one is as fast as memory. Each word of 8 bytes goes through invertible steps, so a change
/// within one word always changes the sum; of all other changes, one in 2⁶⁴ goes unnoticed. The sum
/// also covers the length of each string.
package struct Checksum: Hashable, Sendable {
  // Four independent chains hide the latency of the multiplication.
  private var a: UInt64 = 0x243f_6a88_85a3_08d3
  private var b: UInt64 = 0x1319_8a2e_0370_7344
  private var c: UInt64 = 0xa409_3822_299f_31d0
  private var d: UInt64 = 0x082e_fa98_ec4e_6c89

  /// The checksum of nothing.
  package init() {}

  /// Adds a string of bytes.
  package mutating func add(_ bytes: UnsafeRawBufferPointer) {
    a = Self.step(a, UInt64(bytes.count))
    let whole = bytes.count & ~31
    var (a, b, c, d) = (a, b, c, d)
    for offset in stride(from: 0, to: whole, by: 32) {
      a = Self.step(a, Self.word(bytes, offset))
      b = Self.step(b, Self.word(bytes, offset + 8))
      c = Self.step(c, Self.word(bytes, offset + 16))
      d = Self.step(d, Self.word(bytes, offset + 24))
    }
    for offset in stride(from: whole, to: bytes.count, by: 8) {
      var word: UInt64 = 0
      for index in offset..<min(offset + 8, bytes.count) {
        word |= UInt64(bytes[index]) &<< UInt64(8 * (index - offset))
      }
      a = Self.step(a, word)
    }
    (self.a, self.b, self.c, self.d) = (a, b, c, d)
  }

  /// Adds a text in UTF-8.
  package mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  /// The sum of everything added so far.
  package var value: UInt64 {
    [b, c, d].reduce(Self.step(a, 0)) { Self.step(Self.step($0, $1), 0) }
  }

  /// The sum in 16 lower-case hexadecimal digits.
  package var digits: String {
    let digits = String(value, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }

  @inline(__always)
  private static func step(_ state: UInt64, _ word: UInt64) -> UInt64 {
    let product = (state ^ word) &* 0x9e37_79b9_7f4a_7c15
    return product ^ product &>> 32
  }

  @inline(__always)
  private static func word(_ bytes: UnsafeRawBufferPointer, _ offset: Int) -> UInt64 {
    UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
  }
}
