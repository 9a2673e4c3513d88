import Host
import Images
import Testing

/// The choice of operations.
@Suite struct RandAugmentTests {
  private static func operations(
    _ magnitude: Double, size: Int = 300, count: Int = 2, keys: Int = 4000
  ) -> [ImageOperation] {
    let randAugment = RandAugment(operations: count, magnitude: magnitude)
    return (0..<keys).flatMap {
      randAugment.operations(size: size, key: RandomKey(seed: 4)[$0])
    }
  }

  /// The operation's position among the kinds, and its parameter.
  private static func parts(_ operation: ImageOperation) -> (kind: Int, parameter: Double) {
    switch operation {
    case .autoContrast: (0, 0)
    case .equalize: (1, 0)
    case .invert: (2, 0)
    case .posterize(let bits): (3, Double(bits))
    case .solarize(let threshold): (4, Double(threshold))
    case .solarizeAdd(let amount): (5, Double(amount))
    case .color(let factor): (6, factor)
    case .contrast(let factor): (7, factor)
    case .brightness(let factor): (8, factor)
    case .sharpness(let factor): (9, factor)
    case .rotate(let degrees): (10, degrees)
    case .shearX(let shear): (11, shear)
    case .shearY(let shear): (12, shear)
    case .translateX(let pixels): (13, pixels)
    case .translateY(let pixels): (14, pixels)
    case .cutout(let box): (15, Double(max(box.columns.count, box.rows.count)))
    }
  }

  /// The different parameters of each kind, rounded.
  private static func parameters(_ operations: [ImageOperation]) -> [Set<Double>] {
    var parameters = [Set<Double>](repeating: [], count: 16)
    for operation in operations {
      let (kind, parameter) = parts(operation)
      parameters[kind].insert((parameter * 1e6).rounded() / 1e6)
    }
    return parameters
  }

  @Test(arguments: [1, 2, 5])
  func kindsAreEquallyFrequent(count: Int) {
    let operations = Self.operations(9, count: count)
    #expect(operations.count == 4000 * count)
    var counts = [Int](repeating: 0, count: 16)
    for operation in operations { counts[Self.parts(operation).kind] += 1 }
    let expected = Double(operations.count) / 16
    #expect(counts.allSatisfy { abs(Double($0) - expected) < 5 * expected.squareRoot() })
  }

  /// AutoAugment's ranges at 10, the released code's distances for 300 pixels, both signs.
  @Test func parametersAtTen() {
    let found = Self.parameters(Self.operations(10))
    let expected: [Set<Double>] = [
      [0], [0], [0], [4], [0], [110], [0.1, 1.9], [0.1, 1.9], [0.1, 1.9], [0.1, 1.9], [-30, 30],
      [-0.3, 0.3], [-0.3, 0.3], [-100, 100], [-100, 100],
    ]
    for (found, expected) in zip(found, expected) { #expect(found == expected) }
    #expect(found[15].max() == 80 && (found[15].min() ?? 0) >= 40)
  }

  @Test func parametersAtFive() {
    let found = Self.parameters(Self.operations(5))
    let expected: [Set<Double>] = [
      [0], [0], [0], [6], [128], [55], [0.55, 1.45], [0.55, 1.45], [0.55, 1.45], [0.55, 1.45],
      [-15, 15], [-0.15, 0.15], [-0.15, 0.15], [-50, 50], [-50, 50],
    ]
    for (found, expected) in zip(found, expected) { #expect(found == expected) }
    #expect(found[15].max() == 40)
  }

  /// Beyond 10 everything grows, but no operation leaves nothing of an image.
  @Test func parametersAtTwentyFive() {
    let found = Self.parameters(Self.operations(25))
    let expected: [Set<Double>] = [
      [0], [0], [0], [1], [0], [128], [0.1, 3.25], [0.1, 3.25], [0.1, 3.25], [0.1, 3.25],
      [-75, 75], [-0.75, 0.75], [-0.75, 0.75], [-200, 200], [-200, 200],
    ]
    for (found, expected) in zip(found, expected) { #expect(found == expected) }
    #expect(found[15].max() == 200)
  }

  /// Distances are shares of the side.
  @Test func distancesGrowWithTheImage() {
    for size in [32, 128, 224, 600] {
      let found = Self.parameters(Self.operations(9, size: size))
      let distance = (0.3 * Double(size) * 1e6).rounded() / 1e6
      #expect(found[13] == [-distance, distance] && found[14] == [-distance, distance])
      #expect(found[15].max() == Double(2 * Int(0.9 * 40 / 300 * Double(size))))
    }
  }

  /// At 0, only operations without a parameter do anything.
  @Test func nothingAtZero() {
    let image = Goldens.noise(width: 31, height: 31)
    for operation in Self.operations(0, size: 31, keys: 300) {
      var changed = image
      changed.apply(operation)
      switch operation {
      case .autoContrast, .equalize, .invert: break
      default: #expect(changed == image, "\(operation)")
      }
    }
  }

  @Test(arguments: [
    (ImageOperation.translateX(38.4), "38.4 px left"), (.translateX(-3), "3 px right"),
    (.translateY(0.125), "0.13 px up"), (.translateY(-7), "7 px down"),
    (.rotate(degrees: -27), "rotate −27°"), (.shearX(-0.3), "shear x −0.3"),
    (.color(1.81), "color × 1.81"), (.posterize(bits: 5), "posterize to 5 bits"),
    (.cutout(PixelBox(columns: 3..<20, rows: 0..<9)), "cutout 17 × 9 px"),
  ])
  func descriptions(operation: ImageOperation, text: String) {
    #expect(operation.description == text)
  }

  /// A change of this choice would change every run with RandAugment.
  @Test func operationsStayTheSame() {
    let found = Self.operations(9, size: 128, keys: 4).map(\.description)
    #expect(found == Self.recorded)
    #expect(found == Self.operations(9, size: 128, keys: 4).map(\.description))
  }

  private static let recorded = [
    "38.4 px left", "solarize from 26", "color × 0.19", "solarize from 26",
    "brightness × 0.19", "rotate 27°", "shear y 0.27", "invert",
  ]
}

/// Rectangles to erase.
@Suite struct RandomErasingTests {
  private static func boxes(_ probability: Double, width: Int = 100, height: Int = 100)
    -> [PixelBox?]
  {
    let erasing = RandomErasing(probability: probability)
    return (0..<4000).map { erasing.box(width: width, height: height, key: RandomKey(seed: 8)[$0]) }
  }

  @Test(arguments: [0, 0.25, 1])
  func frequency(probability: Double) {
    let share = Double(Self.boxes(probability).count { $0 != nil }) / 4000
    #expect(abs(share - probability) < 0.03)
  }

  @Test func areasAndRatios() {
    let boxes = Self.boxes(1, width: 1000, height: 1000).compactMap { $0 }
    let areas = boxes.map { Double($0.columns.count * $0.rows.count) / 1e6 }
    let ratios = boxes.map { Double($0.rows.count) / Double($0.columns.count) }
    #expect(areas.min()! > 0.0198 && areas.min()! < 0.022 && areas.max()! < 0.331)
    // Tall and wide rectangles of the largest area do not fit, so small areas are a bit more frequent.
    #expect(abs(areas.reduce(0, +) / Double(areas.count) - 0.173) < 0.006)
    #expect(ratios.min()! > 0.29 && ratios.max()! < 3.32)
    #expect(abs(ratios.count { $0 < 1 } - boxes.count / 2) < 150)
  }

  @Test(arguments: [(1, 1), (2, 2), (1, 50), (50, 3), (7, 9)])
  func boxesAreInsideTheImage(width: Int, height: Int) {
    for box in Self.boxes(1, width: width, height: height).compactMap({ $0 }) {
      #expect(!box.columns.isEmpty && !box.rows.isEmpty)
      #expect(box.columns.lowerBound >= 0 && box.columns.upperBound <= width)
      #expect(box.rows.lowerBound >= 0 && box.rows.upperBound <= height)
    }
  }

  /// The rectangle gets the mean colour, 0 after normalisation; the rest stays.
  @Test func erasedValuesAreZero() {
    let image = Goldens.noise(width: 40, height: 40)
    let inference = Preprocessing(
      resize: 32, crop: 32, interpolation: .bilinear, mean: [0.485, 0.456, 0.406],
      standardDeviation: [0.229, 0.224, 0.225])
    var erasing = Augmentation.cropAndFlip()
    erasing.erasingProbability = 1
    let plain = TrainingPreprocessing(inference, size: 20, augmentation: .cropAndFlip())
    let erased = TrainingPreprocessing(inference, size: 20, augmentation: erasing)
    for index in 0..<20 {
      let key = RandomKey(seed: 1)[index]
      var (before, after) = (
        [Float](repeating: .nan, count: 1200), [Float](repeating: .nan, count: 1200)
      )
      before.withUnsafeMutableBufferPointer { plain.apply(to: image, key: key, into: $0) }
      after.withUnsafeMutableBufferPointer { erased.apply(to: image, key: key, into: $0) }
      let box = erased.erasedBox(key: key)
      #expect(box != nil && !before.contains(0))
      for y in 0..<20 {
        for x in 0..<20 {
          let isErased = box.map { $0.columns.contains(x) && $0.rows.contains(y) } ?? false
          for i in 3 * (20 * y + x)..<3 * (20 * y + x) + 3 {
            #expect(after[i] == (isErased ? 0 : before[i]))
          }
        }
      }
    }
  }
}

/// The order of what is done to an image.
@Suite struct TrainingOperationTests {
  /// Crop, flip and operations, each as its own test has it, then normalisation.
  @Test func operationsFollowCropAndFlip() throws {
    let image = Goldens.noise(width: 50, height: 37)
    let inference = Preprocessing(
      resize: 32, crop: 32, interpolation: .bicubic, mean: [0.485, 0.456, 0.406],
      standardDeviation: [0.229, 0.224, 0.225])
    var augmentation = Augmentation.cropAndFlip()
    augmentation.randAugment = RandAugment(operations: 3, magnitude: 9)
    let preprocessing = TrainingPreprocessing(inference, size: 24, augmentation: augmentation)
    let identity = Preprocessing(
      resize: 24, crop: 24, interpolation: .bicubic, mean: inference.mean,
      standardDeviation: inference.standardDeviation)
    for index in 0..<40 {
      let key = RandomKey(seed: 6)[index]
      let box = RandomResizedCrop(minimumArea: 0.35).box(width: 50, height: 37, key: key[0])
      var expected = image.resized(from: box, width: 24, height: 24, interpolation: .bicubic)
      if preprocessing.isFlipped(key) { expected = mirrored(expected) }
      #expect(preprocessing.operations(key: key).count == 3)
      for operation in preprocessing.operations(key: key) { expected.apply(operation) }
      var found = [Float](repeating: .nan, count: preprocessing.valueCount)
      found.withUnsafeMutableBufferPointer { preprocessing.apply(to: image, key: key, into: $0) }
      #expect(try found == PreprocessingTests.values(identity, expected))
      // And back again.
      found.withUnsafeBufferPointer { #expect(preprocessing.image($0) == expected) }
    }
  }

  private func mirrored(_ image: Image) -> Image {
    var pixels: [UInt8] = []
    for y in 0..<image.height {
      for x in (0..<image.width).reversed() {
        let first = 3 * (image.width * y + x)
        pixels += image.pixels[first..<first + 3]
      }
    }
    return Image(width: image.width, height: image.height, pixels: pixels)
  }
}
