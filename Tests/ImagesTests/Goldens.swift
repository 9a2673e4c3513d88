import Foundation
import Images
import Testing

/// The recorded outcomes of Scripts/goldens/record_images.py.
enum Goldens {
  static let packageRoot = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

  /// The tab-separated fields of each line of a file in Goldens; empty if it cannot be read, which
  /// every test that uses it checks for.
  static func rows(_ name: String) -> [[String]] {
    let file = packageRoot.appending(path: "Tests/ImagesTests/Goldens/\(name)")
    guard let text = try? String(contentsOf: file, encoding: .utf8) else { return [] }
    return text.split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// One line of decoding.tsv.
  struct RecordedImage: CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let outcome: [String]
    var testDescription: String { name }
  }

  static let images: [RecordedImage] = rows("decoding.tsv").map { row in
    RecordedImage(
      name: row[0], bytes: Data(base64Encoded: row[1]).map { [UInt8]($0) } ?? [],
      outcome: Array(row[2...]))
  }

  /// The bytes of a recorded image.
  static func bytes(_ name: String) -> [UInt8] {
    images.first { $0.name == name }?.bytes ?? []
  }

  /// The image that the script's `noise` makes.
  static func noise(width: Int, height: Int) -> Image {
    var random = Noise()
    return Image(
      width: width, height: height, pixels: (0..<3 * width * height).map { _ in random.byte() })
  }
}

/// The linear congruential generator that the script shares with the tests.
struct Noise {
  private var state: UInt32 = 1

  mutating func byte() -> UInt8 {
    state = state &* 1_664_525 &+ 1_013_904_223
    return UInt8(state >> 24)
  }

  /// A number below `bound`, which is at most 65 536.
  mutating func below(_ bound: Int) -> Int {
    (Int(byte()) << 8 | Int(byte())) % bound
  }
}

/// The CRC-32 of bytes as PNG and zlib define it, in eight hexadecimal digits.
func crc(_ bytes: some Sequence<UInt8>) -> String {
  var remainder = UInt32.max
  for byte in bytes {
    remainder = crcTable[Int((remainder ^ UInt32(byte)) & 0xFF)] ^ (remainder >> 8)
  }
  return String(format: "%08x", ~remainder)
}

private let crcTable: [UInt32] = (0..<256).map { index in
  (0..<8).reduce(UInt32(index)) { value, _ in
    value & 1 == 1 ? 0xEDB8_8320 ^ (value >> 1) : value >> 1
  }
}
