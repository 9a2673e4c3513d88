import Foundation
import Images
import Testing

/// Images that are truncated, damaged, or larger than they look must throw, and quickly.
@Suite struct HostileInputTests {
  static let samples = [
    "png color 2 depth 8 interlaced 0", "png color 3 depth 4 interlaced 1", "png eXIf after IDAT 6",
    "jpeg 4:2:0", "jpeg YCCK", "jpeg EXIF 6", "jpeg 20 progressive True", "webp lossless RGBA",
    "webp lossy RGB", "webp EXIF 5", "webp animation", "pnm 'P6 4 3 255\\n'",
    "pnm 'P5 4 3 65535\\n'", "pnm 'P3 1 2 255\\n1 2 3\\n4 5 6'",
  ]

  /// Decodes; answers the size as stored, or `nil` if it throws.
  private func size(_ bytes: [UInt8]) -> [Int]? {
    _ = try? Image(decoding: bytes)
    guard let image = try? Image(decoding: bytes, applyOrientation: false) else { return nil }
    #expect(image.pixels.count == 3 * image.width * image.height)
    return [image.width, image.height]
  }

  @Test(arguments: samples)
  func everyTruncation(name: String) throws {
    let bytes = Goldens.bytes(name)
    let whole = try #require(size(bytes))
    // Parts that the pixels do not need: trailing data, and the end of a plain number.
    let spare = name.hasPrefix("pnm") ? 99 : name.hasPrefix("png") ? 100 : 0
    for length in 0..<bytes.count {
      let found = size(Array(bytes[..<length]))
      #expect(
        found == nil || found == whole && length >= bytes.count - spare,
        "\(length) of \(bytes.count) bytes: \(String(describing: found))")
    }
  }

  @Test(arguments: samples)
  func everyFlippedBitOfTheStart(name: String) {
    let bytes = Goldens.bytes(name)
    for offset in 0..<min(bytes.count, 80) {
      for bit in 0..<8 {
        var damaged = bytes
        damaged[offset] ^= 1 << bit
        _ = size(damaged)
      }
    }
  }

  @Test(arguments: samples)
  func randomDamage(name: String) {
    let bytes = Goldens.bytes(name)
    var random = Noise()
    for _ in 0..<300 {
      var damaged = bytes
      for _ in 0...random.below(4) {
        let offset = random.below(damaged.count)
        switch random.below(3) {
        case 0: damaged[offset] = random.byte()
        case 1: damaged.remove(at: offset)
        default: damaged.insert(random.byte(), at: offset)
        }
      }
      _ = size(damaged)
    }
  }

  @Test(arguments: samples)
  func limitsAreRespected(name: String) throws {
    let bytes = Goldens.bytes(name)
    let image = try Image(decoding: bytes)
    let pixels = image.width * image.height
    let side = max(image.width, image.height)
    let just = DecodingLimits(pixels: pixels, fileBytes: bytes.count, side: side)
    #expect(try Image(decoding: bytes, limits: just) == image)
    for limits in [
      DecodingLimits(pixels: pixels - 1), DecodingLimits(fileBytes: bytes.count - 1),
      DecodingLimits(side: side - 1),
    ] {
      let error = #expect(throws: ImageError.self) { try Image(decoding: bytes, limits: limits) }
      guard case .overLimit = error else {
        Issue.record("\(limits) gave \(String(describing: error))")
        continue
      }
    }
  }

  @Test func scansAreCounted() throws {
    let bytes = Goldens.bytes("jpeg 20 progressive True")
    let scans = zip(bytes, bytes.dropFirst()).count { $0 == 0xFF && $1 == 0xDA }
    #expect(scans > 5)
    _ = try Image(decoding: bytes, limits: DecodingLimits(jpegScans: scans))
    #expect(throws: ImageError.self) {
      try Image(decoding: bytes, limits: DecodingLimits(jpegScans: scans - 1))
    }
  }

  /// Thousands of copies of the last scan of a progressive JPEG.
  @Test func scanBombIsRefused() throws {
    let bytes = Goldens.bytes("jpeg 20 progressive True")
    let start = try #require(
      (0..<bytes.count - 1).last { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xDA })
    let scan = bytes[start..<bytes.count - 2]
    let bomb = bytes[..<start] + Array(repeating: scan, count: 5000).joined() + [0xFF, 0xD9]
    #expect(
      throws: ImageError.overLimit(
        source: "bomb", format: .jpeg, reason: "it has more than 100 scans")
    ) { try Image(decoding: Array(bomb), named: "bomb") }
  }

  @Test func largeAncillaryChunkIsRejected() throws {
    let bytes = Goldens.bytes("png gamma")
    #expect(throws: Never.self) {
      try Image(decoding: bytes, limits: DecodingLimits(pngAncillaryChunkBytes: 4))
    }
    #expect(throws: ImageError.self) {
      try Image(decoding: bytes, limits: DecodingLimits(pngAncillaryChunkBytes: 3))
    }
  }

  /// A frame header of 13 000 x 13 000 pixels without any data is rejected before half a gigabyte
  /// is allocated.
  @Test func emptyHugeJPEG() throws {
    var bytes = Goldens.bytes("jpeg 4:4:4")
    let frame = try #require(
      (0..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] == 0xC0 })
    bytes.replaceSubrange(frame + 5..<frame + 9, with: [0x32, 0xC8, 0x32, 0xC8])
    let error = #expect(throws: ImageError.self) { try Image(decoding: bytes) }
    #expect(error?.description.contains("cannot hold 13000x13000 pixels") == true)
  }

  /// XMP that ends within the fields before its text, at the front of an undamaged image.
  @Test func everyTruncationOfXMP() throws {
    let whole = Goldens.bytes("png color 2 depth 8 interlaced 0")
    let upright = try Image(decoding: whole)
    let text = Array("XML:com.adobe.xmp\0\0\0en\0key\0<x tiff:Orientation=\"6\"/>".utf8)
    for length in 0...text.count {
      let chunk = Array("iTXt".utf8) + text[..<length]
      let sum = try #require(UInt32(crc(chunk), radix: 16))
      let checksum = (0..<4).map { UInt8(truncatingIfNeeded: sum >> (24 - 8 * $0)) }
      let bytes = whole[..<33] + [0, 0, 0, UInt8(length)] + chunk + checksum + whole[33...]
      let image = try Image(decoding: Array(bytes))
      // The image is turned once its orientation is complete, never before.
      #expect((image == upright) == (length < text.count - 3), "\(length) bytes")
    }
  }

  /// Found by fuzzing: libtiff leaves rows after damaged fax codes unwritten, which were whatever the
  /// memory held.
  @Test(.enabled(if: ImageFormat.tiff.missingLibrary == nil, "no libtiff"))
  func unwrittenRowsAreBlack() throws {
    let bytes = try #require(
      Data(
        base64Encoded: """
          SUkqAEYAAAAnKTVl5gi+sECwgT0EF4YQXSaStLaBAsVTVjDcuAAAAAAAAABAnUIECSCCxSCC6QpJFDpeyn3seKYsYAIA\
          IAkAAAEDAAEAAAATAAAAAQEDAAEAAAANAAAAAgEDAAEAAAABAAAAAwEDAAEAAAAEAAAABgEDAAEAAAABAAAAEQEEAAEA\
          AAAIAAAAFgEDAAEAAAANAAAAFwEEAAEAAAA+AAAAHAEDAAEAAAABAAAAAAAAAA==
          """))
    // Memory of the strip's size that is free again.
    for _ in 0..<8 { _ = (0..<64).map { _ in [UInt8](repeating: 0xA5, count: 39 - 32) } }
    let image = try Image(decoding: [UInt8](bytes))
    try #require(image.width == 19 && image.height == 13)
    #expect(image.pixels[..<(3 * 19 * 7)].contains(255))
    #expect(image.pixels[(3 * 19 * 7)...].allSatisfy { $0 == 0 })
  }
}
