import Images
import Testing

/// Files that once were accepted or rejected differently from Pillow (check_decoding found them).
@Suite struct VerdictTests {
  private func changed(_ name: String, _ change: (inout [UInt8]) throws -> Void) rethrows -> [UInt8]
  {
    var bytes = Goldens.bytes(name)
    try change(&bytes)
    return bytes
  }

  private func offset(of text: String, in bytes: [UInt8]) throws -> Int {
    let text = Array(text.utf8)
    return try #require(
      (0..<bytes.count - text.count).first { Array(bytes[$0..<$0 + text.count]) == text })
  }

  private func expectRefusal(_ bytes: [UInt8], _ reason: String) {
    let error = #expect(throws: ImageError.self) { try Image(decoding: bytes) }
    #expect(error?.description.contains(reason) == true, "\(error?.description ?? "")")
  }

  @Test func webpMustBeginWithImageOrHeader() {
    expectRefusal(changed("webp lossy RGBA") { $0[12] = 0 }, "the first chunk is neither")
  }

  @Test(arguments: [0x01, 0x40, 0x80] as [UInt8])
  func unknownWebPFlags(flag: UInt8) {
    expectRefusal(changed("webp lossy RGBA") { $0[20] |= flag }, "unknown flags")
  }

  @Test func webpAlphaMustBeComplete() throws {
    let bytes = try changed("webp lossy RGBA") { bytes in
      let alpha = try offset(of: "ALPH", in: bytes)
      // Lossless data, and none that begin so.
      bytes[alpha + 8] = 1
      for index in 9..<40 { bytes[alpha + index] = 0xFF }
    }
    expectRefusal(bytes, "damaged or truncated")
  }

  @Test func webpFrameHasTheSizeOfItsImage() throws {
    let whole = Goldens.bytes("webp animation")
    let bytes = try changed("webp animation") { $0[try offset(of: "ANMF", in: $0) + 8 + 6] = 2 }
    #expect(try Image(decoding: bytes) == Image(decoding: whole))
  }

  @Test func webpFramesNeedTheirHeader() throws {
    let bytes = try changed("webp animation") { $0[try offset(of: "ANIM", in: $0)] = 0x61 }
    expectRefusal(bytes, "before the ANIM chunk")
  }

  /// The bit stream may end in the byte that pads its chunk.
  @Test func webpPaddingBelongsToTheImage() throws {
    let name = try #require(
      ["webp lossless RGB", "webp lossless RGBA"].first { Goldens.bytes($0)[16] % 2 == 0 })
    let bytes = changed(name) { $0[16] -= 1 }
    #expect(try Image(decoding: bytes) == Image(decoding: Goldens.bytes(name)))
  }

  @Test func pngCutWithinALaterChunk() throws {
    let whole = Goldens.bytes("png eXIf after IDAT 6")
    let data = try offset(of: "eXIf", in: whole) + 4
    let length = Int(whole[data - 5])
    let upright = try Image(decoding: whole)
    let stored = try Image(decoding: whole, applyOrientation: false)
    #expect(upright != stored)
    expectRefusal(Array(whole[..<data]), "is cut short")
    expectRefusal(Array(whole[..<(data + length - 1)]), "is cut short")
    // Without its checksum the chunk is complete, and with an incomplete header it is ignored.
    #expect(try Image(decoding: Array(whole[..<(data + length)])) == upright)
    #expect(try Image(decoding: Array(whole[..<(data - 1)])) == stored)
  }

  @Test func pngEndHasNoLength() throws {
    let whole = Goldens.bytes("png gamma")
    let bytes = changed("png gamma") { $0[$0.count - 12] = 0x7F }
    #expect(try Image(decoding: bytes) == Image(decoding: whole))
  }

  @Test func unknownJPEGMarkers() throws {
    for marker: UInt8 in [0x01, 0x02, 0xBF] {
      expectRefusal(changed("jpeg 4:4:4") { $0[3] = marker }, "an unknown marker at byte 2")
    }
  }

  @Test func jpegSegmentShorterThanItsLength() throws {
    let whole = Goldens.bytes("jpeg 4:4:4")
    let bytes = changed("jpeg 4:4:4") { $0.insert(contentsOf: [0xFF, 0xEF, 0, 0], at: 2) }
    #expect(try Image(decoding: bytes) == Image(decoding: whole))
  }

  @Test func pnmMagicIsAWord() {
    #expect(throws: ImageError.unknownFormat(source: "image")) {
      try Image(decoding: Array("P5#\n1 1 255 a".utf8))
    }
  }
}
