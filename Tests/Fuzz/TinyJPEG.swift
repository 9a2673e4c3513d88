/// A gray JPEG of 2x1 pixels, all alike but for the EXIF block it carries.
enum TinyJPEG {
  static func bytes(exif block: some Collection<UInt8>) -> [UInt8] {
    segment(0xE1, Array("Exif\0\0".utf8) + block, after: [0xFF, 0xD8]) + image
  }

  private static let image: [UInt8] =
    segment(0xDB, [0] + [UInt8](repeating: 1, count: 64))  // quantisation: all ones
    + segment(0xC0, [8, 0, 1, 0, 2, 1, 1, 0x11, 0])  // 8 bits, one row, two columns, one component
    + segment(0xC4, codes(0x00)) + segment(0xC4, codes(0x10))
    + segment(0xDA, [1, 1, 0, 0, 63, 0]) + [0x3F, 0xFF, 0xD9]  // two codes of one bit, padded

  /// A Huffman table of one code of one bit, which means zero, or the end of a block.
  private static func codes(_ table: UInt8) -> [UInt8] {
    [table, 1] + [UInt8](repeating: 0, count: 15) + [0]
  }

  private static func segment(
    _ marker: UInt8, _ data: [UInt8], after start: [UInt8] = []
  ) -> [UInt8] {
    let length = data.count + 2
    return start + [0xFF, marker, UInt8(length >> 8), UInt8(length & 0xFF)] + data
  }
}
