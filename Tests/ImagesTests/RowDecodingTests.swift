import Images
import TestSupport
import Testing

/// Images that are resized while they are decoded, against the whole decoded image.
@Suite struct RowDecodingTests {
  private static func preprocessing(
    _ resize: Int, _ crop: Int, _ filter: Interpolation, _ fit: Preprocessing.Fit = .shortSide
  ) -> Preprocessing {
    Preprocessing(
      resize: resize, crop: crop, interpolation: filter, mean: [0.485, 0.456, 0.406],
      standardDeviation: [0.229, 0.224, 0.225], fit: fit)
  }

  /// Crops of the middle, of nearly everything and beyond it; larger and smaller than the image.
  static let preprocessings = [
    preprocessing(20, 16, .bilinear), preprocessing(40, 8, .bicubic),
    preprocessing(91, 30, .bilinear), preprocessing(120, 20, .bicubic),
    preprocessing(12, 20, .bilinear), preprocessing(24, 24, .bicubic, .squash),
  ]

  private func expectSameValues(
    _ bytes: [UInt8], _ name: String, applyOrientation: Bool = true
  ) throws {
    guard let encoded = try? EncodedImage(bytes, applyOrientation: applyOrientation) else { return }
    let image = Result { try encoded.decode() }
    for preprocessing in Self.preprocessings {
      var values = [Float](repeating: .nan, count: preprocessing.valueCount)
      let warnings = Result {
        try values.withUnsafeMutableBufferPointer {
          try encoded.prepare(for: preprocessing, into: $0)
        }
      }
      switch (image, warnings) {
      case (.success(let image), .success(let warnings)):
        #expect(warnings == image.warnings, "\(name)")
        let expected = try PreprocessingTests.values(preprocessing, image)
        let same = values == expected
        #expect(same, "\(name), resize \(preprocessing.resize), crop \(preprocessing.crop)")
      case (.failure(let whole), .failure(let rows)):
        #expect("\(whole)" == "\(rows)", "\(name)")
      default:
        Issue.record("\(name): whole \(image), in rows \(warnings)")
      }
    }
  }

  @Test(arguments: Goldens.images + Goldens.gifs + Goldens.tiffs)
  func everyFormat(_ recorded: Goldens.RecordedImage) throws {
    try expectSameValues(recorded.bytes, recorded.name)
  }

  @Test func thereAreGoldens() {
    #expect(Goldens.largerJPEGs.count == 19)
  }

  @Test(arguments: Goldens.largerJPEGs)
  func pixelsMatchPillow(_ recorded: Goldens.RecordedImage) throws {
    let image = try Image(decoding: recorded.bytes)
    #expect(
      ["\(image.width)", "\(image.height)", crc(image.pixels)] == recorded.outcome.dropLast())
  }

  @Test(arguments: Goldens.largerJPEGs, 1...8)
  func everyOrientation(_ recorded: Goldens.RecordedImage, orientation: Int) throws {
    let exif: [UInt8] =
      Array("Exif\0\0II*\0".utf8) + [
        8, 0, 0, 0, 1, 0, 0x12, 1, 3, 0, 1, 0, 0, 0, UInt8(orientation), 0, 0, 0, 0, 0, 0, 0,
      ]
    let segment: [UInt8] = [0xFF, 0xE1, 0, UInt8(exif.count + 2)] + exif
    let turned = recorded.bytes[..<2] + segment + recorded.bytes[2...]
    try expectSameValues(Array(turned), "\(recorded.name), EXIF \(orientation)")
  }

  /// A byte of the image data changed: the same pixels, warnings and errors.
  @Test(arguments: Goldens.largerJPEGs)
  func damage(_ recorded: Goldens.RecordedImage) throws {
    var noise = Noise()
    for _ in 0..<40 {
      var bytes = recorded.bytes
      bytes[200 + noise.below(bytes.count - 202)] = noise.byte()
      try expectSameValues(bytes, "\(recorded.name), damaged")
    }
  }

  struct Draft: CustomTestStringConvertible {
    let name: String
    let preprocessing: Preprocessing
    let crc: String
    var testDescription: String { "\(name), resize \(preprocessing.resize)" }
  }

  static let drafts: [Draft] = GoldenTable.rows("drafts.tsv") { row in
    guard row.count == 5, let resize = Int(row[1]), let crop = Int(row[2]),
      let filter = Interpolation(rawValue: row[3])
    else { return nil }
    return Draft(
      name: row[0], preprocessing: preprocessing(resize, crop, filter), crc: row[4])
  }

  private func values(
    _ bytes: [UInt8], _ preprocessing: Preprocessing, _ mode: DecodingMode
  ) throws -> [Float] {
    var values = [Float](repeating: .nan, count: preprocessing.valueCount)
    let encoded = try EncodedImage(bytes)
    _ = try values.withUnsafeMutableBufferPointer {
      try encoded.prepare(for: preprocessing, mode: mode, into: $0)
    }
    return values
  }

  @Test func thereAreDrafts() { #expect(Self.drafts.count == 108) }

  /// Scaled in the frequency domain, as Pillow's `draft` does, then resized.
  @Test(arguments: drafts)
  func fastJPEGsMatchPillow(_ draft: Draft) throws {
    let values = try values(Goldens.bytes(draft.name), draft.preprocessing, .fast)
    #expect(values.withUnsafeBytes { crc($0) } == draft.crc)
  }

  /// Less than twice the needed size would remain.
  @Test(arguments: Goldens.largerJPEGs)
  func imagesOfNearlyTheNeededSizeAreExact(_ recorded: Goldens.RecordedImage) throws {
    let preprocessing = Self.preprocessing(46, 40, .bilinear)
    let fast = try values(recorded.bytes, preprocessing, .fast)
    #expect(fast == (try values(recorded.bytes, preprocessing, .exact)))
  }

  /// libwebp's own scaler: other values, but the same image.
  @Test(arguments: Goldens.images.filter { $0.name.hasPrefix("webp") && $0.outcome.count > 1 })
  func fastWebPsAreClose(_ recorded: Goldens.RecordedImage) throws {
    let preprocessing = Self.preprocessing(2, 2, .bilinear)
    let fast = try values(recorded.bytes, preprocessing, .fast)
    let exact = try values(recorded.bytes, preprocessing, .exact)
    for (a, b) in zip(fast, exact) { #expect(abs(a - b) < 0.5) }
  }

  @Test func wrongBuffer() throws {
    let encoded = try EncodedImage(Goldens.bytes("jpeg 4:2:0"))
    var values = [Float](repeating: 0, count: 5)
    #expect(throws: PreprocessingError.wrongBufferSize(expected: 768, found: 5)) {
      try values.withUnsafeMutableBufferPointer {
        try encoded.prepare(for: Self.preprocessings[0], into: $0)
      }
    }
  }
}
