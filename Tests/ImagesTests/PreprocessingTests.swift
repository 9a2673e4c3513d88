import Images
import Testing
import TestSupport

@Suite struct PreprocessingTests {
  struct Case: CustomTestStringConvertible {
    let width, height: Int
    let recipe: Preprocessing
    let crc: String
    var testDescription: String {
      "\(width)x\(height), resize \(recipe.resize), crop \(recipe.crop), \(recipe.interpolation), "
        + "mean \(recipe.mean)"
    }
  }

  static let cases: [Case] = GoldenTable.rows("preprocessing.tsv") { row in
    func channels(_ text: String) -> SIMD3<Float>? {
      let values = text.split(separator: ",").compactMap { Double($0) }.map { Float($0) }
      return values.count == 3 ? SIMD3(values) : nil
    }
    guard row.count == 8, let width = Int(row[0]), let height = Int(row[1]),
      let resize = Int(row[2]),
      let crop = Int(row[3]), let interpolation = Interpolation(rawValue: row[4]),
      let mean = channels(row[5]), let deviation = channels(row[6])
    else { return nil }
    let recipe = Preprocessing(
      resize: resize, crop: crop, interpolation: interpolation, mean: mean,
      standardDeviation: deviation)
    return Case(width: width, height: height, recipe: recipe, crc: row[7])
  }

  static let imageNet = Preprocessing(
    resize: 256, crop: 224, interpolation: .bilinear, mean: [0.485, 0.456, 0.406],
    standardDeviation: [0.229, 0.224, 0.225])

  /// The values that preprocessing computes from an image.
  static func values(_ recipe: Preprocessing, _ image: Image) throws -> [Float] {
    var values = [Float](repeating: .nan, count: recipe.valueCount)
    try values.withUnsafeMutableBufferPointer { try recipe.apply(to: image, into: $0) }
    return values
  }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 126)
  }

  @Test(arguments: cases)
  func valuesMatchTorchvision(_ example: Case) throws {
    let image = Goldens.noise(width: example.width, height: example.height)
    let values = try Self.values(example.recipe, image)
    #expect(values.withUnsafeBytes { crc($0) } == example.crc)
  }

  /// Only the region is computed; it must equal that part of the whole resized image.
  @Test(arguments: Interpolation.allCases, [(50, 31), (31, 50), (20, 90)])
  func cropIsPartOfTheWhole(interpolation: Interpolation, size: (Int, Int)) throws {
    let image = Goldens.noise(width: size.0, height: size.1)
    let recipe = Preprocessing(
      resize: 24, crop: 20, interpolation: interpolation, mean: [0, 0, 0],
      standardDeviation: [1, 1, 1])
    let short = min(size.0, size.1)
    let whole = image.resized(
      width: 24 * size.0 / short, height: 24 * size.1 / short, interpolation: interpolation)
    let left = Int((Double(whole.width - 20) / 2).rounded(.toNearestOrEven))
    let top = Int((Double(whole.height - 20) / 2).rounded(.toNearestOrEven))
    var expected: [Float] = []
    for y in top..<top + 20 {
      let start = 3 * (y * whole.width + left)
      expected += whole.pixels[start..<start + 60].map { Float($0) / 255 }
    }
    #expect(try Self.values(recipe, image) == expected)
  }

  @Test func normalisationPerChannel() throws {
    let image = Image(width: 1, height: 1, pixels: [127, 255, 0])
    let recipe = Preprocessing(
      resize: 1, crop: 1, interpolation: .bicubic, mean: [127 / 255, 0.5, 0.25],
      standardDeviation: [128 / 255, 0.5, 0.5])
    #expect(try Self.values(recipe, image) == [0, 1, -0.5])
  }

  @Test(arguments: [0, 1, 3 * 224 * 224 - 1, 3 * 224 * 224 + 1])
  func wrongBufferIsLeftUntouched(count: Int) {
    var values = [Float](repeating: 7, count: count)
    #expect(
      throws: PreprocessingError.wrongBufferSize(expected: 3 * 224 * 224, found: count)
    ) {
      try values.withUnsafeMutableBufferPointer {
        try Self.imageNet.apply(to: Goldens.noise(width: 3, height: 3), into: $0)
      }
    }
    #expect(values.allSatisfy { $0 == 7 })
  }

  @Test(arguments: cases.map(\.recipe) + [imageNet])
  func metadataRoundTrip(recipe: Preprocessing) throws {
    let others = ["format": "pt", "preprocess": "no"]
    let metadata = recipe.metadata.merging(others) { first, _ in first }
    #expect(try Preprocessing(metadata: metadata) == recipe)
  }

  @Test func metadataText() {
    #expect(
      Self.imageNet.metadata == [
        "preprocessing.resize": "256", "preprocessing.crop": "224",
        "preprocessing.interpolation": "bilinear", "preprocessing.mean": "0.485,0.456,0.406",
        "preprocessing.standard_deviation": "0.229,0.224,0.225",
      ])
  }

  @Test func metadataWithoutPreprocessing() throws {
    #expect(try Preprocessing(metadata: ["format": "pt"]) == nil)
  }

  @Test(arguments: imageNet.metadata.keys.sorted())
  func metadataWithAMissingKey(key: String) {
    var metadata = Self.imageNet.metadata
    metadata[key] = nil
    #expect(throws: PreprocessingError.missingKey(key)) { try Preprocessing(metadata: metadata) }
  }

  @Test func metadataWithAnUnknownKey() {
    var metadata = Self.imageNet.metadata
    metadata["preprocessing.std"] = "1,1,1"
    #expect(throws: PreprocessingError.unknownKey("preprocessing.std")) {
      try Preprocessing(metadata: metadata)
    }
  }

  @Test(arguments: [
    ("resize", "0"), ("resize", "-1"), ("resize", "+256"), ("resize", "256.0"), ("resize", ""),
    ("resize", " 256"), ("resize", "8193"), ("resize", "99999999999999999999"), ("crop", "0"),
    ("crop", "x"), ("interpolation", "Bilinear"), ("interpolation", "lanczos"), ("mean", "0.5"),
    ("mean", "0.5,0.5"), ("mean", "0.5,0.5,0.5,0.5"), ("mean", "0.5,,0.5"), ("mean", "nan,0,0"),
    ("mean", "inf,0,0"), ("mean", "1e99,0,0"), ("mean", "0x1p1,0,0"), ("mean", "0, 0, 0"),
    ("standard_deviation", "0,1,1"), ("standard_deviation", "1,-1,1"),
    ("standard_deviation", "1,1,inf"), ("standard_deviation", ""),
  ])
  func metadataWithABadValue(key: String, value: String) {
    var metadata = Self.imageNet.metadata
    metadata["preprocessing." + key] = value
    let error = #expect(throws: PreprocessingError.self) { try Preprocessing(metadata: metadata) }
    guard case .invalidValue("preprocessing." + key, value, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }
}
