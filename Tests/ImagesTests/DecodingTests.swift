import Images
import Testing

@Suite struct DecodingTests {
  @Test func thereAreGoldens() {
    #expect(Goldens.images.count > 150)
  }

  @Test(arguments: Goldens.images)
  func outcomeMatchesPillow(_ recorded: Goldens.RecordedImage) throws {
    try expectOutcome(recorded)
  }

  @Test(.enabled(if: ImageFormat.gif.missingLibrary == nil, "no giflib"), arguments: Goldens.gifs)
  func gifOutcomeMatchesPillow(_ recorded: Goldens.RecordedImage) throws {
    try expectOutcome(recorded)
  }

  @Test(
    .enabled(if: ImageFormat.tiff.missingLibrary == nil, "no libtiff"), arguments: Goldens.tiffs)
  func tiffOutcomeMatchesPillow(_ recorded: Goldens.RecordedImage) throws {
    try expectOutcome(recorded)
  }

  private func expectOutcome(_ recorded: Goldens.RecordedImage) throws {
    if recorded.outcome.count == 1 {
      let error = #expect(throws: ImageError.self) { try Image(decoding: recorded.bytes) }
      #expect(error.map(kind) == recorded.outcome[0], "\(error.map(\.description) ?? "none")")
      return
    }
    let upright = try Image(decoding: recorded.bytes)
    let stored = try Image(decoding: recorded.bytes, applyOrientation: false)
    let found = ["\(upright.width)", "\(upright.height)", crc(upright.pixels), crc(stored.pixels)]
    #expect(found == recorded.outcome)
  }

  private func kind(_ error: ImageError) -> String {
    switch error {
    case .unreadable: return "unreadable"
    case .unknownFormat: return "unknownFormat"
    case .unsupportedFormat: return "unsupportedFormat"
    case .unavailable: return "unavailable"
    case .malformed: return "malformed"
    case .unsupported: return "unsupported"
    case .overLimit: return "overLimit"
    }
  }

  @Test(
    arguments: [
      ("RGB", 3, [10, 20, 30, 40, 50, 60], [10, 20, 30, 40, 50, 60]),
      ("RGB_ALPHA", 4, [1, 2, 3, 99, 4, 5, 6, 99], [1, 2, 3, 4, 5, 6]),
      ("GRAYSCALE", 1, [7, 8], [7, 7, 7, 8, 8, 8]),
      ("GRAYSCALE_ALPHA", 2, [7, 99, 8, 99], [7, 7, 7, 8, 8, 8]),
    ] as [(String, Int, [UInt8], [UInt8])])
  func pamTuples(type: String, depth: Int, raster: [UInt8], pixels: [UInt8]) throws {
    let header = "P7\n# two pixels\nWIDTH 2\nHEIGHT 1\nDEPTH \(depth)\nMAXVAL 255\n"
    let typed = header + "TUPLTYPE \(type)\nENDHDR\n"
    #expect(try Image(decoding: Array(typed.utf8) + raster).pixels == pixels)
    let untyped = header + "ENDHDR\n"
    #expect(try Image(decoding: Array(untyped.utf8) + raster).pixels == pixels)
  }

  @Test func pamScales16BitGray() throws {
    let text = "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 65535\nENDHDR\n"
    let image = try Image(decoding: Array(text.utf8) + [0x80, 0x00, 0xFF, 0xFF])
    #expect(image.pixels == [128, 128, 128, 255, 255, 255])
    #expect(image.warnings.isEmpty)
  }

  @Test func pamBitmapOneIsWhite() throws {
    let text =
      "P7\nWIDTH 2\nHEIGHT 1\nDEPTH 1\nMAXVAL 1\nTUPLTYPE BLACKANDWHITE\nENDHDR\n"
    #expect(try Image(decoding: Array(text.utf8) + [0, 1]).pixels == [0, 0, 0, 255, 255, 255])
  }

  @Test(arguments: [
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\n",
    "P7\nWIDTH 1\nDEPTH 3\nMAXVAL 255\nENDHDR\nabc",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 5\nMAXVAL 255\nENDHDR\nabcde",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 0\nMAXVAL 255\nENDHDR\nabcde",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 9999999999\nMAXVAL 255\nENDHDR\nabcde",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nTUPLTYPE GRAYSCALE\nENDHDR\nabcde",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nCOLOR 1\nENDHDR\nabcde",
    "P7\nWIDTH 1\nHEIGHT 1\nDEPTH 3\nMAXVAL 255\nENDHDR abc",
  ])
  func invalidPAM(text: String) {
    let error = #expect(throws: ImageError.self) { try Image(decoding: Array(text.utf8)) }
    #expect(error.map(kind) == "malformed")
  }

  /// The comment ends the number, and the end of its line is the whitespace before the raster.
  @Test func commentDirectlyBeforeTheRaster() throws {
    let image = try Image(decoding: Array("P5 2 1 255#comment\nab".utf8))
    #expect(image.pixels == [97, 97, 97, 98, 98, 98])
  }

  @Test func clippedGrayWarnsOnlyWhenItHappens() throws {
    let clipped = try Image(decoding: Array("P5 1 1 65535 ".utf8) + [1, 0])
    #expect(clipped.pixels == [255, 255, 255])
    #expect(clipped.warnings == [.clippedGray])
    let dark = try Image(decoding: Array("P5 1 1 65535 ".utf8) + [0, 255])
    #expect(dark.pixels == [255, 255, 255])
    #expect(dark.warnings.isEmpty)
    let png = try Image(decoding: Goldens.bytes("png color 0 depth 16 interlaced 0"))
    #expect(png.warnings == [.clippedGray])
  }

  @Test func manyPixelsCauseAWarning() throws {
    let bytes = Array("P5 3 2 255 abcdef".utf8)
    let limits = DecodingLimits(pixelsWithoutWarning: 5)
    #expect(try Image(decoding: bytes, limits: limits).warnings == [.manyPixels(6)])
    #expect(try Image(decoding: bytes).warnings.isEmpty)
  }

  @Test(arguments: [
    "", "P", "P6", "P8 1 1 255 a", "GIF88a......", "BM is a text of no image", "RIFF....WAVE",
    "\u{FF}",
  ])
  func unknownFormats(text: String) {
    #expect(throws: ImageError.unknownFormat(source: "stdin")) {
      try Image(decoding: Array(text.utf8), named: "stdin")
    }
  }

  @Test func errorsNameSourceAndFormat() {
    let error = #expect(throws: ImageError.self) {
      try Image(decoding: Array("P5 1 1 0 a".utf8), named: "a.pgm")
    }
    #expect(
      error?.description
        == "a.pgm: damaged PNM data: the maximum value is 0, outside 1...65535; "
        + "get an intact copy of the file")
  }
}
