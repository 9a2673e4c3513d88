import Foundation
import Images
import TestSupport
import Testing

/// AVIF against Pillow, bit for bit, and HEIC against pillow-heif, whose libheif converts colours
/// slightly differently.
@Suite struct HEIFTests {
  struct RecordedImage: CustomTestStringConvertible, Sendable {
    let name: String
    let bytes: [UInt8]
    let width: Int
    let height: Int
    let pixels: [UInt8]
    var testDescription: String { name }
  }

  static let images = GoldenTable.rows("heif.tsv") { row in
    guard row.count == 5, let bytes = Data(base64Encoded: row[1]), let width = Int(row[2]),
      let height = Int(row[3]), let pixels = Data(base64Encoded: row[4])
    else { return nil as RecordedImage? }
    return RecordedImage(
      name: row[0], bytes: [UInt8](bytes), width: width, height: height, pixels: [UInt8](pixels))
  }

  private static func images(_ format: String) -> [RecordedImage] {
    images.filter { $0.name.hasPrefix(format) }
  }

  /// The largest and the mean difference from the recorded pixels.
  private func difference(_ image: Image, _ recorded: RecordedImage) -> (most: Int, mean: Double) {
    let all = zip(image.pixels, recorded.pixels).map { abs(Int($0) - Int($1)) }
    return (all.max() ?? 0, Double(all.reduce(0, +)) / Double(all.count))
  }

  private func expectPixels(
    _ recorded: RecordedImage, format: ImageFormat, most: Int, mean: Double
  ) throws {
    let encoded = try EncodedImage(recorded.bytes)
    #expect(encoded.format == format)
    let image = try encoded.decode()
    try #require(image.width == recorded.width && image.height == recorded.height)
    let found = difference(image, recorded)
    #expect(found.most <= most && found.mean <= mean, "\(found)")
    // Turns are the container's: EXIF repeats them, and must not be applied again.
    #expect(try Image(decoding: recorded.bytes, applyOrientation: false) == image)
    // The tolerance would reject an image that is turned wrongly.
    let turned = Image(width: image.width, height: image.height, pixels: image.pixels.reversed())
    #expect(difference(turned, recorded).mean > 10 * mean + 1)
  }

  @Test(
    .enabled(if: ImageFormat.heic.missingLibrary == nil, "no libheif with an HEVC decoder"),
    arguments: images("heic"))
  func heic(_ recorded: RecordedImage) throws {
    try expectPixels(recorded, format: .heic, most: 2, mean: 0.1)
  }

  @Test(
    .enabled(if: ImageFormat.avif.missingLibrary == nil, "no libheif with an AV1 decoder"),
    arguments: images("avif"))
  func avif(_ recorded: RecordedImage) throws {
    try expectPixels(recorded, format: .avif, most: 0, mean: 0)
  }

  @Test(arguments: images)
  func truncationsFail(_ recorded: RecordedImage) {
    for count in stride(from: 20, to: recorded.bytes.count - 1, by: 37) {
      #expect(throws: ImageError.self) {
        try EncodedImage(Array(recorded.bytes.prefix(count))).decode()
      }
    }
  }

  /// Boxes that declare a smaller image than the bit stream's would hide its memory.
  @Test func codedSizeIsTheDeclaredOne() throws {
    let recorded = try #require(Self.images.first { $0.name == "heic wide" })
    var bytes = recorded.bytes
    let sizes = (0..<bytes.count - 16).filter {
      Array(bytes[$0..<$0 + 4]) == Array("ispe".utf8)
    }
    #expect(!sizes.isEmpty)
    for offset in sizes { bytes.replaceSubrange(offset + 8..<offset + 12, with: [0, 0, 0, 1]) }
    let error = #expect(throws: ImageError.self) { try EncodedImage(bytes, named: "x") }
    guard case .malformed("x", .heic, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("pixels, not 1x"))
  }

  /// libheif must not see what the header does not check: images and metadata beside the primary one.
  @Test(.enabled(if: ImageFormat.heic.missingLibrary == nil, "no libheif with an HEVC decoder"))
  func otherItemsDoNotMatter() throws {
    let recorded = try #require(Self.images.first { $0.name == "heic alpha" })
    let image = try Image(decoding: recorded.bytes)
    // The second configuration is that of the alpha.
    var bytes = recorded.bytes
    let configurations = (0..<bytes.count - 40).filter {
      Array(bytes[$0..<$0 + 4]) == Array("hvcC".utf8)
    }
    try #require(configurations.count == 2)
    bytes.replaceSubrange(
      configurations[1] + 27..<configurations[1] + 40, with: [UInt8](repeating: 0, count: 13))
    #expect(try Image(decoding: bytes) == image)
  }

  /// Found by fuzzing: an item of 65 535 pieces without places took 1 MB, and many items gigabytes.
  @Test func piecesHavePlaces() throws {
    var bytes = try #require(Self.images("heic").first).bytes
    let places = try #require(
      (0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == Array("iloc".utf8) })
    // No bytes for offsets, lengths and bases; 65 535 items with as many pieces.
    bytes.replaceSubrange(places + 8..<places + 10, with: [0, 0])
    bytes.replaceSubrange(
      places + 10..<places + 20, with: [UInt8](repeating: 0xFF, count: 10))
    let error = #expect(throws: ImageError.self) { try EncodedImage(bytes) }
    #expect(error?.description.contains("pieces without places") == true, "\(error as Any)")
    bytes.replaceSubrange(places + 8..<places + 10, with: [0x33, 0])
    let other = #expect(throws: ImageError.self) { try EncodedImage(bytes) }
    #expect(other?.description.contains("not numbers of 4 or 8 bytes") == true)
  }
}
