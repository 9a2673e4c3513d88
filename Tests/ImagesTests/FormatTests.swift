import Images
import Testing

/// Formats that are recognised, and files that are answered with a warning.
@Suite struct FormatTests {
  // MARK: Camera raw

  /// A TIFF directory with the given entries of one LONG or SHORT each, at an offset.
  private func directory(_ entries: [(tag: UInt16, type: UInt16, count: UInt32, value: UInt32)])
    -> [UInt8]
  {
    func little<Value: FixedWidthInteger>(_ value: Value) -> [UInt8] {
      withUnsafeBytes(of: value.littleEndian, Array.init)
    }
    return little(UInt16(entries.count))
      + entries.flatMap {
        little($0.tag) + little($0.type) + little($0.count) + little($0.value)
      } + little(UInt32(0))
  }

  private let tiff: [UInt8] = [0x49, 0x49, 42, 0, 8, 0, 0, 0]

  /// The directory of a thumbnail of 8 x 8 gray pixels, and more.
  private func raw(
    _ more: [(tag: UInt16, type: UInt16, count: UInt32, value: UInt32)], after: [UInt8] = []
  ) -> [UInt8] {
    let thumbnail: [(tag: UInt16, type: UInt16, count: UInt32, value: UInt32)] = [
      (254, 4, 1, 1), (256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1),
      (262, 3, 1, 1), (273, 4, 1, 0), (279, 4, 1, 64),
    ]
    return tiff + directory((thumbnail + more).sorted { $0.tag < $1.tag }) + after
  }

  private func expectUnsupported(_ bytes: [UInt8], _ name: String) {
    #expect(throws: ImageError.unsupportedFormat(source: "x", name: name)) {
      try EncodedImage(bytes, named: "x")
    }
  }

  @Test func dng() {
    expectUnsupported(raw([(50_706, 1, 4, 0x0401)]), "camera raw (DNG)")
  }

  @Test func nefAndARW() {
    // Ten entries: the maker's name and the second directory follow them.
    let makerOffset = UInt32(8 + 2 + 10 * 12 + 4)
    for (maker, name) in [("NIKON CORPORATION", "Nikon NEF"), ("SONY", "Sony ARW")] {
      let text = Array(maker.utf8) + [UInt8](repeating: 0, count: 20 - maker.utf8.count)
      // A mosaic of colours.
      let sensor = directory([(262, 3, 1, 32_803)])
      expectUnsupported(
        raw(
          [(271, 2, 20, makerOffset), (330, 4, 1, makerOffset + 20)], after: text + sensor),
        "camera raw (\(name))")
    }
  }

  @Test func cr2() {
    var bytes = raw([])
    bytes =
      Array(bytes[..<4]) + [16, 0, 0, 0] + Array("CR".utf8) + [2, 0, 0, 0, 0, 0]
      + Array(bytes[8...])
    expectUnsupported(bytes, "camera raw (Canon CR2)")
  }

  @Test(arguments: [
    ("\0\0\0\u{18}ftypcrx \0\0\0\u{1}crx isom", "camera raw (Canon CR3)"),
    ("FUJIFILMCCD-RAW 0201", "camera raw (Fujifilm RAF)"),
    ("IIRO\u{8}\0\0\0", "camera raw (Olympus ORF)"),
    ("IIU\0\u{18}\0\0\0", "camera raw (Panasonic RW2)"),
    ("PF\n1 1\n-1.0\n............", "PFM (floating-point pixels)"),
    ("Pf\n1 1\n-1.0\n....", "PFM (floating-point pixels)"),
    ("\0\0\0\u{c}JXL \r\n\u{87}\n", "JPEG XL"),
  ])
  func othersByTheirFirstBytes(text: String, name: String) {
    expectUnsupported(text.unicodeScalars.map { UInt8($0.value) }, name)
  }

  @Test func theMessageAdvises() {
    let error = #expect(throws: ImageError.self) {
      try EncodedImage(raw([(50_706, 1, 4, 0x0401)]), named: "a.dng")
    }
    #expect(
      error?.description
        == "a.dng: camera raw (DNG) is not supported; export it as JPEG, PNG or TIFF")
  }

  /// A thumbnail alone does not make a raw file, nor does the name of a camera's maker.
  @Test(.enabled(if: ImageFormat.tiff.missingLibrary == nil, "no libtiff"))
  func ordinaryTIFF() throws {
    let makerOffset = UInt32(8 + 2 + 9 * 12 + 4)
    let bytes = raw(
      [(271, 2, 20, makerOffset)], after: Array("NIKON CORPORATION".utf8) + [0, 0, 0])
    let image = try Image(decoding: bytes)
    #expect(image.width == 8 && image.height == 8)
  }

  @Test func losslessJPEGIsNamed() {
    let error = #expect(throws: ImageError.self) {
      try EncodedImage(Goldens.bytes("jpeg lossless"), named: "x")
    }
    #expect(
      error?.description
        == "x: unsupported JPEG data: lossless coding (SOF3); convert it to an 8-bit PNG")
  }

  // MARK: Damage that is answered

  /// The entropy-coded data of the first scan.
  private func scan(_ bytes: [UInt8]) throws -> Range<Int> {
    let start = try #require((2..<bytes.count).first { bytes[$0 - 1] == 0xFF && bytes[$0] == 0xDA })
    let length = Int(bytes[start + 1]) << 8 | Int(bytes[start + 2])
    return start + 1 + length..<bytes.count - 2
  }

  @Test(arguments: ["jpeg 4:4:4", "jpeg 4:2:0", "jpeg EXIF 6"])
  func jpegThatEndsEarlyIsAnswered(name: String) throws {
    let whole = Goldens.bytes(name)
    let data = try scan(whole)
    let bytes = whole[..<(data.lowerBound + data.count / 2)] + [0xFF, 0xD9]
    let image = try Image(decoding: Array(bytes))
    let complete = try Image(decoding: whole)
    #expect((image.width, image.height) == (complete.width, complete.height))
    #expect(complete.warnings.isEmpty)
    #expect(image.pixels != complete.pixels)
    guard case .damaged(let reason)? = image.warnings.first else {
      Issue.record("\(image.warnings)")
      return
    }
    #expect(reason.hasPrefix("Corrupt JPEG data: "))
    // Without the end marker, the file is truncated.
    #expect(throws: ImageError.self) { try Image(decoding: Array(bytes.dropLast(2))) }
  }
}
