import Images
import Testing

/// Reading headers once, and the memory estimated from them.
@Suite struct EncodedImageTests {
  private func memory(_ bytes: [UInt8], applyOrientation: Bool = true) throws -> Int {
    try EncodedImage(bytes, applyOrientation: applyOrientation).decodingMemory
  }

  /// Opening once and decoding twice gives the same pixels as decoding the bytes.
  @Test(arguments: HostileInputTests.samples)
  func decodesLikeImage(name: String) throws {
    let bytes = Goldens.bytes(name)
    let encoded = try EncodedImage(bytes, named: name)
    #expect(encoded.bytes == bytes && encoded.name == name)
    #expect(encoded.format == bytes.withUnsafeBytes { ImageFormat(magic: $0) })
    let image = try Image(decoding: bytes)
    #expect(try encoded.decode() == image)
    #expect(try encoded.decode() == image)
  }

  @Test func orientationIsReadWhenOpened() throws {
    let bytes = Goldens.bytes("jpeg EXIF 6")
    let upright = try EncodedImage(bytes).decode()
    let stored = try EncodedImage(bytes, applyOrientation: false).decode()
    #expect((upright.width, upright.height) == (stored.height, stored.width))
    #expect(upright.pixels != stored.pixels)
  }

  @Test func decodingErrorsNameTheImage() throws {
    // Intact headers and damaged deflate data.
    var bytes = Goldens.bytes("png color 2 depth 8 interlaced 0")
    let data = try #require(
      (0..<bytes.count - 4).first { Array(bytes[$0..<$0 + 4]) == Array("IDAT".utf8) })
    for index in data + 6..<data + 26 { bytes[index] ^= 0xFF }
    let encoded = try EncodedImage(bytes, named: "a.png")
    let error = #expect(throws: ImageError.self) { try encoded.decode() }
    guard case .malformed("a.png", .png, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  @Test(arguments: HostileInputTests.samples)
  func memoryIsLimited(name: String) throws {
    let bytes = Goldens.bytes(name)
    let needed = try memory(bytes)
    let image = try Image(decoding: bytes, limits: DecodingLimits(memoryBytes: needed))
    #expect(needed >= 3 * image.width * image.height)
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: bytes, limits: DecodingLimits(memoryBytes: needed - 1))
    }
    guard case .overLimit = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// A frame header of `side` squared, made out of a small JPEG's.
  private func jpeg(_ name: String, marker: UInt8, side: Int) throws -> [UInt8] {
    var bytes = Goldens.bytes(name)
    let frame = try #require(
      (0..<bytes.count - 1).first { bytes[$0] == 0xFF && bytes[$0 + 1] == marker })
    let sides = [UInt8(side >> 8), UInt8(side & 255)]
    bytes.replaceSubrange(frame + 5..<frame + 9, with: sides + sides)
    return bytes
  }

  @Test func turningTakesASecondImage() throws {
    let (side, pixels) = (1000, 3 * 1000 * 1000)
    for (orientation, copies) in [(1, 1), (2, 1), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2), (8, 2)] {
      let bytes = try jpeg("jpeg EXIF \(orientation)", marker: 0xC0, side: side)
      let needed = try memory(bytes)
      #expect(needed >= copies * pixels)
      #expect(needed < copies * pixels + pixels)
      #expect(try memory(bytes, applyOrientation: false) < 2 * pixels)
    }
  }

  @Test func progressiveCoefficientsCount() throws {
    let pixels = 3 * 1300 * 1300
    let sequential = try memory(jpeg("jpeg 20 progressive False", marker: 0xC0, side: 1300))
    let progressive = try memory(jpeg("jpeg 20 progressive True", marker: 0xC2, side: 1300))
    #expect(sequential < 2 * pixels)
    // Two bytes for each sample; 4:2:0 has half as many samples as RGB.
    #expect(progressive > 2 * pixels)
    #expect(progressive < 3 * pixels)
  }

  @Test func memoryErrorStatesTheSize() throws {
    let bytes = try jpeg("jpeg 20 progressive True", marker: 0xC2, side: 1300)
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: bytes, named: "big", limits: DecodingLimits(memoryBytes: 8 << 20))
    }
    #expect(
      error?.description
        == "big: JPEG data over a limit: decoding its 1300x1300 pixels takes 12 MiB, "
        + "the limit is 8 MiB; shrink it, or raise the limit")
  }
}
