import Host
import Images
import TestSupport
import Testing

/// Parts of images, resized.
@Suite struct BoxTests {
  struct Case: CustomTestStringConvertible {
    let width, height: Int
    let box: PixelBox
    let newWidth, newHeight: Int
    let interpolation: Interpolation
    let crc: String
    var testDescription: String {
      "\(box.columns) x \(box.rows) of \(width)x\(height) to \(newWidth)x\(newHeight)"
        + " \(interpolation)"
    }
  }

  static let cases: [Case] = GoldenTable.rows("boxes.tsv") { row in
    let numbers = row.prefix(8).compactMap { Int($0) }
    guard row.count == 10, numbers.count == 8, let interpolation = Interpolation(rawValue: row[8])
    else { return nil }
    return Case(
      width: numbers[0], height: numbers[1],
      box: PixelBox(columns: numbers[2]..<numbers[4], rows: numbers[3]..<numbers[5]),
      newWidth: numbers[6], newHeight: numbers[7], interpolation: interpolation, crc: row[9])
  }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 104)
  }

  @Test(arguments: cases)
  func pixelsMatchPillow(_ example: Case) {
    let image = Goldens.noise(width: example.width, height: example.height)
    let resized = image.resized(
      from: example.box, width: example.newWidth, height: example.newHeight,
      interpolation: example.interpolation)
    #expect((resized.width, resized.height) == (example.newWidth, example.newHeight))
    #expect(crc(resized.pixels) == example.crc)
  }

  /// The pixels beside the part count: a crop before the resize gives others.
  @Test func pixelsBesideTheBoxCount() {
    let image = Goldens.noise(width: 16, height: 16)
    let box = PixelBox(columns: 4..<12, rows: 4..<12)
    let cropped = Image(
      width: 8, height: 8,
      pixels: (4..<12).flatMap { y in image.pixels[3 * (16 * y + 4)..<3 * (16 * y + 12)] })
    let direct = image.resized(from: box, width: 5, height: 5, interpolation: .bicubic)
    let indirect = cropped.resized(width: 5, height: 5, interpolation: .bicubic)
    #expect(direct.pixels != indirect.pixels)
    #expect(direct.pixels[3 * 12..<3 * 13] == indirect.pixels[3 * 12..<3 * 13])
  }
}

/// Random rectangles.
@Suite struct RandomResizedCropTests {
  private static func boxes(
    _ count: Int, width: Int, height: Int, minimumArea: Double = 0.35
  ) -> [PixelBox] {
    let crop = RandomResizedCrop(minimumArea: minimumArea)
    return (0..<count).map { crop.box(width: width, height: height, key: RandomKey(seed: 7)[$0]) }
  }

  @Test(
    arguments: [(1, 1), (1, 9), (2, 2), (3, 200), (200, 3), (128, 128), (500, 375)],
    [0.05, 0.35, 1])
  func boxesAreInsideTheImage(size: (Int, Int), minimumArea: Double) {
    for box in Self.boxes(500, width: size.0, height: size.1, minimumArea: minimumArea) {
      #expect(
        !box.columns.isEmpty && box.columns.lowerBound >= 0 && box.columns.upperBound <= size.0)
      #expect(!box.rows.isEmpty && box.rows.lowerBound >= 0 && box.rows.upperBound <= size.1)
    }
  }

  /// Of 40,000 rectangles of a square: bounds up to rounding, frequencies, and means.
  @Test func distribution() {
    let side = 1000
    let boxes = Self.boxes(40_000, width: side, height: side, minimumArea: 0.35)
    let areas = boxes.map { Double($0.columns.count * $0.rows.count) / 1e6 }
    let ratios = boxes.map { Double($0.columns.count) / Double($0.rows.count) }
    #expect(areas.min()! > 0.349 && areas.min()! < 0.352 && areas.max()! > 0.99)
    #expect(ratios.min()! > 0.747 && ratios.min()! < 0.76)
    #expect(ratios.max()! < 1.336 && ratios.max()! > 1.32)
    // Upright and lying rectangles are equally frequent.
    let upright = ratios.count { $0 < 1 }
    #expect(abs(upright - ratios.count { $0 > 1 }) < 1000)
    // A place is uniform among those possible.
    let places = boxes.filter { $0.columns.count < side }.map {
      Double($0.columns.lowerBound) / Double(side - $0.columns.count)
    }
    #expect(abs(places.reduce(0, +) / Double(places.count) - 0.5) < 0.01)
    // Small areas fit with every ratio, so they are as frequent as they are likely.
    let small = areas.count { $0 < 0.5 }
    let medium = areas.count { $0 >= 0.5 && $0 < 0.65 }
    #expect(abs(Double(small) / Double(medium) - 1) < 0.05)
  }

  /// torchvision's results for images that no rectangle fits into.
  @Test(arguments: [
    (200, 3, 98..<102, 0..<3), (3, 200, 0..<3, 98..<102), (1, 9, 0..<1, 4..<5),
    (100, 10, 43..<56, 0..<10),
  ])
  func fallback(width: Int, height: Int, columns: Range<Int>, rows: Range<Int>) {
    let crop = RandomResizedCrop(minimumArea: 1)
    let box = crop.box(width: width, height: height, key: RandomKey(seed: 1))
    #expect(box == PixelBox(columns: columns, rows: rows))
  }

  /// A change of these numbers would change every run.
  @Test func boxesStayTheSame() {
    let boxes = Self.boxes(3, width: 500, height: 375)
    #expect(boxes == Self.boxes(3, width: 500, height: 375))
    #expect(boxes == Self.recorded)
  }

  private static let recorded = [
    PixelBox(columns: 45..<369, rows: 14..<350), PixelBox(columns: 127..<438, rows: 53..<310),
    PixelBox(columns: 37..<413, rows: 28..<341),
  ]
}

/// From an image to a training example.
@Suite struct TrainingPreprocessingTests {
  private static let inference = Preprocessing(
    resize: 40, crop: 32, interpolation: .bicubic, mean: [0.485, 0.456, 0.406],
    standardDeviation: [0.229, 0.224, 0.225])

  private func values(
    _ augmentation: Augmentation, size: Int = 20, _ image: Image,
    key: RandomKey = RandomKey(seed: 3),
    inference: Preprocessing = inference
  ) -> [Float] {
    let preprocessing = TrainingPreprocessing(inference, size: size, augmentation: augmentation)
    var values = [Float](repeating: .nan, count: preprocessing.valueCount)
    values.withUnsafeMutableBufferPointer { preprocessing.apply(to: image, key: key, into: $0) }
    return values
  }

  private func mirrored(_ values: [Float], size: Int) -> [Float] {
    var mirrored: [Float] = []
    for y in 0..<size {
      for x in (0..<size).reversed() {
        let first = 3 * (y * size + x)
        mirrored += values[first..<first + 3]
      }
    }
    return mirrored
  }

  /// Without augmentation at the inference size the values are those of inference.
  @Test(arguments: [(50, 31), (31, 50), (9, 9)])
  func noneIsInference(size: (Int, Int)) throws {
    let image = Goldens.noise(width: size.0, height: size.1)
    let expected = try PreprocessingTests.values(Self.inference, image)
    #expect(values(.none, size: 32, image) == expected)
  }

  @Test func noneScalesTheResizeWithTheSize() throws {
    let image = Goldens.noise(width: 90, height: 61)
    let small = Preprocessing(
      resize: 25, crop: 20, interpolation: .bicubic, mean: Self.inference.mean,
      standardDeviation: Self.inference.standardDeviation)
    #expect(try values(.none, size: 20, image) == PreprocessingTests.values(small, image))
  }

  /// A crop is Pillow's resize of a rectangle, normalised as inference does.
  @Test(arguments: Interpolation.allCases)
  func cropIsANormalisedBox(interpolation: Interpolation) throws {
    let image = Goldens.noise(width: 70, height: 45)
    let inference = Preprocessing(
      resize: 40, crop: 32, interpolation: interpolation, mean: Self.inference.mean,
      standardDeviation: Self.inference.standardDeviation)
    let identity = Preprocessing(
      resize: 20, crop: 20, interpolation: interpolation, mean: Self.inference.mean,
      standardDeviation: Self.inference.standardDeviation)
    for index in 0..<20 {
      let key = RandomKey(seed: 3)[index]
      let box = RandomResizedCrop(minimumArea: 0.2).box(width: 70, height: 45, key: key[0])
      let resized = image.resized(from: box, width: 20, height: 20, interpolation: interpolation)
      #expect(
        values(
          Augmentation(minimumArea: 0.2, flips: false), image, key: key, inference: inference)
          == (try PreprocessingTests.values(identity, resized)))
    }
  }

  /// Half of the images are mirrored, whatever their crop.
  @Test(arguments: [nil, 0.35])
  func flips(minimumArea: Double?) {
    let image = Goldens.noise(width: 41, height: 33)
    var flipped = 0
    for index in 0..<400 {
      let key = RandomKey(seed: 11)[index]
      let plain = values(
        Augmentation(minimumArea: minimumArea, flips: false), size: 5, image, key: key)
      let found = values(
        Augmentation(minimumArea: minimumArea, flips: true), size: 5, image, key: key)
      if found == plain { continue }
      flipped += 1
      #expect(found == mirrored(plain, size: 5))
    }
    #expect((150...250).contains(flipped))
  }

  /// The same key gives the same values; another key gives others.
  @Test func keysDetermineTheValues() {
    let image = Goldens.noise(width: 41, height: 33)
    let keys = (0..<50).map { RandomKey(seed: 2)[$0] }
    let first = keys.map { values(.cropAndFlip(), image, key: $0) }
    #expect(first == keys.map { values(.cropAndFlip(), image, key: $0) })
    #expect(Set(first).count > 45)
  }
}
