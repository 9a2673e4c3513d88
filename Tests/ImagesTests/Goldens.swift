import Foundation
import Images
import TestSupport
import Testing

/// The recorded outcomes of Scripts/goldens/record_images.py.
enum Goldens {
  /// One line of decoding.tsv.
  struct RecordedImage: CustomTestStringConvertible {
    let name: String
    let bytes: [UInt8]
    let outcome: [String]
    var testDescription: String { name }
  }

  static let images = recorded("decoding.tsv")
  /// JPEGs larger than what a decoder computes around a crop.
  static let largerJPEGs = recorded("jpeg-rows.tsv")
  /// Those that need giflib.
  static let gifs = recorded("gif.tsv")
  /// Those that need libtiff.
  static let tiffs = recorded("tiff.tsv")

  private static func recorded(_ table: String) -> [RecordedImage] {
    GoldenTable.rows(table) { row in
      guard row.count >= 3, let data = Data(base64Encoded: row[1]), !data.isEmpty else {
        return nil as RecordedImage?
      }
      return RecordedImage(name: row[0], bytes: [UInt8](data), outcome: Array(row[2...]))
    }
  }

  /// The bytes of a recorded image.
  static func bytes(_ name: String) -> [UInt8] {
    guard let image = (images + largerJPEGs + gifs + tiffs).first(where: { $0.name == name }) else {
      fatalError("there is no recorded image called \(name)")
    }
    return image.bytes
  }

  /// The image that the script's `noise` generates.
  static func noise(width: Int, height: Int) -> Image {
    var random = Noise()
    return Image(
      width: width, height: height, pixels: (0..<3 * width * height).map { _ in random.byte() })
  }
}

/// The linear congruential generator of `noise` in Scripts/goldens/image_cases.py.
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
