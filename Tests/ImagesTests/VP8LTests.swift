import Images
import Testing

/// The tables that lossless WebP streams need.
@Suite struct VP8LTests {
  /// A stream without a size, in which all codes have one symbol; its numbers of codes are those of
  /// the image's first pixel, repeated.
  private func stream(groupNumber: UInt8) -> [UInt8] {
    // No transform, no cache, groups in squares of 4 x 4; in their image no cache, a green code
    // of one symbol of 8 bits, and four codes of the symbol 0.
    var bits = "0" + "0" + "1" + "000" + "0" + "101"
    bits += String((0..<8).map { groupNumber >> $0 & 1 == 1 ? "1" : "0" })
    bits += String(repeating: "1000", count: 4 + 5 * (Int(groupNumber) + 1))
    return stride(from: 0, to: bits.count, by: 8).map { start in
      bits.dropFirst(start).prefix(8).reversed().reduce(0) { $0 << 1 | ($1 == "1" ? 1 : 0) }
    }
  }

  /// A lossy image of 64 x 64 behind an alpha chunk; only its size is there.
  private func webp(alpha: [UInt8]) -> [UInt8] {
    func chunk(_ type: String, _ data: [UInt8]) -> [UInt8] {
      Array(type.utf8) + [UInt8(data.count & 255), UInt8(data.count >> 8), 0, 0] + data
        + (data.count % 2 == 0 ? [] : [0])
    }
    let size: [UInt8] = [64, 0, 64, 0]
    let chunks =
      chunk("VP8X", [0x10, 0, 0, 0, 63, 0, 0, 63, 0, 0]) + chunk("ALPH", alpha)
      + chunk("VP8 ", [0x10, 0, 0, 0x9D, 0x01, 0x2A] + size + Array(repeating: 0, count: 8))
    return Array("RIFF".utf8) + [UInt8((chunks.count + 4) & 255), UInt8((chunks.count + 4) >> 8)]
      + [0, 0] + "WEBP".utf8 + chunks
  }

  @Test(arguments: [0, 1, 7, 199] as [UInt8])
  func codesOfAlphaCount(groupNumber: UInt8) throws {
    func memory(_ alpha: [UInt8]) throws -> Int {
      try EncodedImage(webp(alpha: alpha)).decodingMemory
    }
    let plain = try memory([0, 0])
    let packed = try memory([1] + stream(groupNumber: groupNumber))
    // 3001 entries of 4 bytes and 600 bytes more for each group.
    #expect(packed - plain == (Int(groupNumber) + 1) * 12_604)
  }

  /// Every damaged suffix is read to its end, and no further.
  @Test func damagedStreams() {
    let bytes = Goldens.bytes("webp lossless RGBA")
    for length in 0..<bytes.count - 20 {
      var damaged = bytes
      damaged.replaceSubrange(
        20 + length..<bytes.count, with: repeatElement(0xFF, count: bytes.count - 20 - length))
      _ = try? EncodedImage(damaged)
    }
  }
}
