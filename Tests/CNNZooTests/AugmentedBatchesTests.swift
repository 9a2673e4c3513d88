import CNNZoo
import Host
import Images
import TestSupport
import Testing

/// Batches with RandAugment, erasing, mixup and CutMix.
struct AugmentedBatchesTests {
  private let pets: PetFolder

  init() throws {
    pets = try PetFolder()
    try pets.classes([6, 5, 3])
  }

  private static func preprocessing(
    size: Int = 16, magnitude: Double = 9, mixup: Double = 0.3, cutMix: Double = 1
  ) -> TrainingPreprocessing {
    var augmentation = Augmentation.cropAndFlip()
    augmentation.randAugment = RandAugment(operations: 2, magnitude: magnitude)
    augmentation.erasingProbability = 0.5
    augmentation.mixupAlpha = mixup
    augmentation.cutMixAlpha = cutMix
    return TrainingPreprocessing(
      Preprocessing(
        resize: 24, crop: 20, interpolation: .bilinear, mean: [0.485, 0.456, 0.406],
        standardDeviation: [0.229, 0.224, 0.225]),
      size: size, augmentation: augmentation)
  }

  /// A batch with a copy of its values.
  private struct Copy: Equatable {
    let epoch, step: Int
    let images, classes: [Int]
    let targets: [[Float]]
    let mixtures: [Mixture?]
    let values: [UInt32]
  }

  private func copies(
    epochs: Range<Int> = 0..<3, firstStep: Int = 0, threads: Int = 2, cacheBytes: Int = 0,
    _ preprocessing: TrainingPreprocessing = preprocessing()
  ) throws -> [Copy] {
    let reader = TrainingImageReader(cacheBytes: cacheBytes)
    let images = try pets.scanned(reader)
    let batches = try TrainingBatches(
      images, reader: reader, settings: .init(preprocessing: preprocessing, batch: 5, seed: 9),
      epochs: epochs, firstStep: firstStep, threads: threads)
    var copies: [Copy] = []
    while let batch = try batches.next() {
      copies.append(
        Copy(
          epoch: batch.epoch, step: batch.step, images: batch.images, classes: batch.classes,
          targets: batch.targets, mixtures: batch.mixtures,
          values: batch.values.map(\.bitPattern)))
    }
    return copies
  }

  @Test(arguments: [1, 2, 3], [0, 4000, 1 << 20])
  func threadsAndCacheDoNotCount(threads: Int, cacheBytes: Int) throws {
    #expect(try copies(threads: threads, cacheBytes: cacheBytes) == copies(threads: 1))
  }

  @Test func startingLaterGivesTheRest() throws {
    let whole = try copies()
    #expect(whole.count == 9)
    for (epoch, step) in [(0, 1), (0, 2), (1, 0), (2, 2)] {
      let rest = try copies(epochs: epoch..<3, firstStep: step)
      #expect(rest == whole.filter { ($0.epoch, $0.step) >= (epoch, step) })
    }
  }

  /// An image is mixed with another share in each epoch.
  @Test func sharesDifferFromEpochToEpoch() throws {
    let shares = try copies(Self.preprocessing(cutMix: 0)).flatMap {
      zip($0.images, $0.mixtures).compactMap { image, mixture in
        image == 0 ? mixture?.share : nil
      }
    }
    #expect(Set(shares).count == shares.count && shares.count >= 2)
  }

  /// A label has its share, its partner's the rest; together they are 1.
  @Test(arguments: [(0.3, 0.0), (0, 1), (0.3, 1), (0, 0)])
  func targets(mixup: Double, cutMix: Double) throws {
    var mixed = 0
    for batch in try copies(Self.preprocessing(mixup: mixup, cutMix: cutMix)) {
      for (place, target) in batch.targets.enumerated() {
        #expect(target.count == 3 && target.allSatisfy { 0...1 ~= $0 })
        #expect(target.reduce(0, +) == 1)
        var expected: [Float] = [0, 0, 0]
        if let mixture = batch.mixtures[place] {
          expected[batch.classes[place]] += mixture.share
          expected[batch.classes[mixture.partner]] += 1 - mixture.share
          mixed += 1
        } else {
          expected[batch.classes[place]] = 1
        }
        #expect(target == expected)
      }
    }
    #expect((mixed > 0) == (mixup + cutMix > 0))
  }

  /// The values are those of each image alone, mixed.
  @Test func valuesAreMixed() throws {
    let preprocessing = Self.preprocessing()
    let images = try pets.scanned()
    for batch in try copies(epochs: 2..<3) {
      var values: [Float] = []
      for index in batch.images {
        let image = try Image(contentsOf: "\(pets.path)/\(images.images[index].name)")
        var own = [Float](repeating: .nan, count: preprocessing.valueCount)
        own.withUnsafeMutableBufferPointer {
          preprocessing.apply(to: image, key: RandomKey(seed: 9)[2][2][index], into: $0)
        }
        values += own
      }
      let keys = batch.images.map { RandomKey(seed: 9)[2][7][$0] }
      let mixtures = preprocessing.augmentation.mixtures(size: 16, keys: keys)
      #expect(mixtures == batch.mixtures)
      values.withUnsafeMutableBufferPointer { mix($0, size: 16, mixtures) }
      #expect(values.map(\.bitPattern) == batch.values)
    }
  }
}
