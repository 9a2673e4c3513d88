import CNNZoo
import Foundation
import Host
import Images
import TestSupport
import Testing

struct EpochStepsTests {
  @Test func stepsAreEqual() {
    for images in 1...200 {
      for batch in 1...40 {
        let steps = EpochSteps(images: images, batch: batch)
        let ranges = (0..<steps.count).map { steps[$0] }
        #expect(ranges.flatMap { $0 } == Array(0..<images))
        let sizes = ranges.map(\.count)
        #expect(sizes.max() == steps.largest && (sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        #expect(images == 1 || !sizes.contains(1))
        if batch > 2 { #expect(steps.count == (images + batch - 1) / batch) }
        if batch > 2 { #expect(steps.largest <= batch) }
      }
    }
  }
}

struct TrainingBatchesTests {
  private let pets: PetFolder

  init() throws {
    pets = try PetFolder()
    try pets.classes([9, 7, 4])
    try pets.image("a/large.ppm", 77, width: 301, height: 200)
    try pets.image("b/thin.ppm", 78, width: 3, height: 90)
  }

  /// One image of a batch, with a copy of its values.
  private struct Sample: Equatable {
    let epoch, step, image, label: Int
    let values: [UInt32]
  }

  private static let preprocessing = TrainingPreprocessing(
    Preprocessing(
      resize: 24, crop: 20, interpolation: .bilinear, mean: [0.485, 0.456, 0.406],
      standardDeviation: [0.229, 0.224, 0.225]),
    size: 16, augmentation: .cropAndFlip())

  private func images(_ reader: TrainingImageReader = TrainingImageReader()) throws
    -> TrainingImages
  {
    var images = try pets.scanned(reader)
    images.divide(seed: 1)
    return images
  }

  private func batches(
    _ images: TrainingImages, reader: TrainingImageReader = TrainingImageReader(), batch: Int = 5,
    seed: UInt64 = 9, epochs: Range<Int> = 0..<3, firstStep: Int = 0, threads: Int = 2
  ) throws -> TrainingBatches {
    try TrainingBatches(
      images, reader: reader,
      settings: .init(batch: batch, seed: seed) { _ in Self.preprocessing }, epochs: epochs,
      firstStep: firstStep, threads: threads)
  }

  private func samples(_ batches: TrainingBatches) throws -> [Sample] {
    var samples: [Sample] = []
    while let batch = try batches.next() {
      let count = Self.preprocessing.valueCount
      #expect(batch.values.count == count * batch.images.count)
      #expect(batch.classes.count == batch.images.count)
      for (place, image) in batch.images.enumerated() {
        samples.append(
          Sample(
            epoch: batch.epoch, step: batch.step, image: image, label: batch.classes[place],
            values: batch.values[place * count..<(place + 1) * count].map(\.bitPattern)))
      }
    }
    #expect(try batches.next() == nil)
    return samples
  }

  @Test func eachEpochHasEachImageOnce() throws {
    let images = try images()
    let samples = try samples(batches(images))
    var orders: Set<[Int]> = []
    for epoch in 0..<3 {
      let members = samples.filter { $0.epoch == epoch }
      #expect(members.map(\.image).sorted() == images.training)
      #expect(members.map(\.step) == members.map(\.step).sorted())
      orders.insert(members.map(\.image))
    }
    #expect(orders.count == 3)
    #expect(samples.allSatisfy { $0.label == images.images[$0.image].classIndex })
    // The same image differs from epoch to epoch.
    let first = try #require(samples.first)
    let others = samples.filter { $0.image == first.image && $0.epoch > 0 }
    #expect(others.allSatisfy { $0.values != first.values })
  }

  /// The values are those that the image's key gives, whatever is around it.
  @Test(arguments: [2, 5, 100])
  func valuesDependOnTheImageAlone(batch: Int) throws {
    let images = try images()
    for sample in try samples(batches(images, batch: batch, epochs: 4..<5)) {
      let image = try Image(contentsOf: "\(pets.path)/\(images.images[sample.image].name)")
      var values = [Float](repeating: .nan, count: Self.preprocessing.valueCount)
      let key = RandomKey(seed: 9)[4][2][sample.image]
      values.withUnsafeMutableBufferPointer {
        Self.preprocessing.apply(to: image, key: key, into: $0)
      }
      #expect(values.map(\.bitPattern) == sample.values)
    }
  }

  /// Without a cache, with room for some images, and for all.
  @Test(arguments: [1, 2, 3], [0, 5000, 1 << 20])
  func threadsAndCacheDoNotCount(threads: Int, cacheBytes: Int) throws {
    let expected = try samples(batches(images(), threads: 1))
    let reader = TrainingImageReader(cacheBytes: cacheBytes)
    let images = try images(reader)
    #expect(try samples(batches(images, reader: reader, threads: threads)) == expected)
    #expect(reader.keptBytes <= cacheBytes)
    #expect(cacheBytes == 0 || reader.keptBytes > cacheBytes / 8)
  }

  @Test func startingLaterGivesTheRest() throws {
    let images = try images()
    let whole = try samples(batches(images))
    let steps = try batches(images).steps.count
    #expect(steps > 2)
    for epoch in 0..<3 {
      for step in 0..<steps {
        let rest = try samples(batches(images, epochs: epoch..<3, firstStep: step))
        #expect(rest == whole.filter { ($0.epoch, $0.step) >= (epoch, step) })
      }
    }
  }

  /// What comes before the start is not even read.
  @Test func nothingBeforeTheStartIsRead() throws {
    let images = try images()
    let whole = try samples(batches(images, epochs: 0..<1))
    let last = try #require(whole.last).step
    let needed = Set(whole.filter { $0.step == last }.map(\.image))
    for image in images.images.indices where !needed.contains(image) {
      try pets.remove(images.images[image].name)
    }
    let rest = try samples(batches(images, epochs: 0..<1, firstStep: last))
    #expect(rest == whole.filter { $0.step == last })
  }

  @Test func seedsGiveOtherBatches() throws {
    let images = try images()
    let first = try samples(batches(images, seed: 1))
    #expect(try samples(batches(images, seed: 1)) == first)
    #expect(try samples(batches(images, seed: 2)).map(\.image) != first.map(\.image))
  }

  /// The batches before the image are delivered, then the error, again and again.
  @Test(arguments: [1, 3])
  func lostImagesAreNamed(threads: Int) throws {
    let images = try images()
    let order = try samples(batches(images, epochs: 0..<1))
    let lost = order[7]
    let name = images.images[lost.image].name
    let path = "\(pets.path)/\(name)"
    let bytes = try Data(contentsOf: URL(filePath: path))
    try pets.remove(name)
    func failure() throws -> TrainingDataError? {
      let batches = try batches(images, epochs: 0..<1, threads: threads)
      for _ in 0..<lost.step { #expect(try batches.next() != nil) }
      let first = #expect(throws: TrainingDataError.self) { try batches.next() }
      let second = #expect(throws: TrainingDataError.self) { try batches.next() }
      #expect(first == second)
      return first
    }
    guard case .lost(path, .unreadable)? = try failure() else {
      Issue.record("a missing file")
      return
    }
    // Intact, but another image.
    try pets.image(name, 555)
    #expect(try failure() == .changed(path: path))
    try pets.folder.file(name, Array("P6 9 9 255\n".utf8))
    guard case .lost(path, .malformed)? = try failure() else {
      Issue.record("a damaged file")
      return
    }
    try pets.folder.file(name, Array(bytes))
    #expect(try samples(batches(images, epochs: 0..<1)) == order)
  }

  /// Threads end with the batches, even if these are not used up.
  @Test func batchesMayBeAbandoned() throws {
    let images = try images()
    for _ in 0..<20 { _ = try batches(images, threads: 3).next() }
    #expect(try samples(batches(images, batch: 1, epochs: 0..<0)).isEmpty)
  }

  /// An image is turned upright as in inference.
  @Test func orientationIsApplied() throws {
    let row = try #require(
      GoldenTable.rows("decoding.tsv", beside: "\(RealData.package)/Tests/ImagesTests/.")
        .first { $0[0] == "jpeg EXIF 6" })
    let bytes = [UInt8](try #require(Data(base64Encoded: row[1])))
    let pets = try PetFolder()
    for name in ["a/0.jpg", "b/0.jpg"] { try pets.folder.file(name, bytes) }
    let key = RandomKey(seed: 9)[0][2][0]
    for upright in [true, false] {
      var decoding = DecodingOptions()
      decoding.appliesOrientation = upright
      let reader = TrainingImageReader(decoding: decoding)
      let found = try samples(batches(pets.scanned(reader), reader: reader, epochs: 0..<1))
      var values = [Float](repeating: .nan, count: Self.preprocessing.valueCount)
      let image = try Image(decoding: bytes, applyOrientation: upright)
      values.withUnsafeMutableBufferPointer {
        Self.preprocessing.apply(to: image, key: key, into: $0)
      }
      #expect(found.first { $0.image == 0 }?.values == values.map(\.bitPattern))
    }
  }

  @Test func fewerImagesThanABatch() throws {
    let pets = try PetFolder()
    try pets.classes([1, 1])
    var images = try pets.scanned()
    #expect(try samples(batches(images, batch: 32, epochs: 0..<1)).map(\.image).sorted() == [0, 1])
    images.divide(validationShare: 0, seed: 0)
    #expect(images.training == [0, 1])
  }
}
