import CNNZoo
import Foundation
import Images
import TestSupport
import Testing

/// A folder of small images.
struct PetFolder {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  var path: String { folder.path }

  /// A raw PPM with pixels that depend on the seed.
  static func ppm(_ seed: Int, width: Int = 24, height: Int = 18) -> [UInt8] {
    Array("P6 \(width) \(height) 255\n".utf8)
      + (0..<3 * width * height).map { UInt8(truncatingIfNeeded: $0 &* (2 * seed + 1) &+ $0 >> 3) }
  }

  func image(_ name: String, _ seed: Int, width: Int = 24, height: Int = 18) throws {
    try folder.file(name, Self.ppm(seed, width: width, height: height))
  }

  func remove(_ name: String) throws {
    try FileManager.default.removeItem(atPath: "\(path)/\(name)")
  }

  /// `counts[i]` images in the class with the i-th letter.
  func classes(_ counts: [Int], in split: String = "") throws {
    for (index, count) in counts.enumerated() {
      let letter = String(UnicodeScalar(UInt8(ascii: "a") + UInt8(index)))
      for image in 0..<count {
        try self.image("\(split)\(letter)/\(image).ppm", 1000 * index + image)
      }
    }
  }

  func scanned(
    _ reader: TrainingImageReader = TrainingImageReader(), threads: Int = 2
  ) throws -> TrainingImages {
    var images = try TrainingImages(folder: path)
    try images.scan(reader, threads: threads)
    return images
  }
}

struct TrainingImagesTests {
  private let pets: PetFolder

  init() throws { pets = try PetFolder() }

  @Test func imagesOfAFolder() throws {
    try pets.classes([2, 3])
    try pets.image("a/more/10.ppm", 7)
    try pets.image("B/x.ppm", 8)
    try pets.folder.file("a/notes.txt", Array("no image".utf8))
    try pets.folder.file("readme.txt", Array("no image".utf8))
    let images = try TrainingImages(folder: pets.path)
    #expect(images.labels.names == ["B", "a", "b"])
    #expect(
      images.images.map(\.name) == [
        "B/x.ppm", "a/0.ppm", "a/1.ppm", "a/more/10.ppm", "b/0.ppm", "b/1.ppm", "b/2.ppm",
      ])
    #expect(images.images.map(\.classIndex) == [0, 1, 1, 1, 2, 2, 2])
    #expect(!images.isDivided && images.validation.isEmpty && images.training == Array(0..<7))
    #expect(images.skipped == 2 && images.failures.isEmpty)
  }

  @Test(arguments: ["val", "valid", "validation"])
  func dividedFolder(split: String) throws {
    try pets.classes([1, 1, 1], in: "train/")
    // A class may be missing; names are matched as in evaluations.
    try pets.image("\(split)/C/0.ppm", 50)
    try pets.image("test/a/0.ppm", 60)
    let images = try TrainingImages(folder: pets.path)
    #expect(images.isDivided && images.labels.names == ["a", "b", "c"])
    #expect(images.training == [0, 1, 2] && images.validation == [3])
    #expect(images.images[3].name == "\(split)/C/0.ppm" && images.images[3].classIndex == 2)

    try pets.image("\(split)/unicorn/0.ppm", 51)
    #expect(throws: ClassNameError.unknown(names: ["unicorn"], classCount: 3)) {
      try TrainingImages(folder: pets.path)
    }
  }

  /// Images for tests are not for validation.
  @Test func testsAreNotUsed() throws {
    try pets.classes([2, 2], in: "train/")
    try pets.classes([2, 2], in: "test/")
    let images = try TrainingImages(folder: pets.path)
    #expect(!images.isDivided && images.images.count == 4)
    try pets.remove("train")
    #expect(
      throws: DatasetError.noSplit(folder: pets.path, split: "train", splits: ["test"])
    ) {
      try TrainingImages(folder: pets.path)
    }
  }

  @Test func unusableFoldersAreRejected() throws {
    #expect(throws: ImageError.self) { try TrainingImages(folder: "/no/folder") }
    try pets.classes([2])
    #expect(throws: HeadTrainingError.fewClasses(count: 1)) {
      try TrainingImages(folder: pets.path)
    }
  }

  /// Damaged images, broken links and empty folders are reported once and left out.
  @Test(arguments: [1, 2, 3])
  func damagedImagesAreLeftOut(threads: Int) throws {
    try pets.classes([4, 3])
    try pets.folder.file("a/1.ppm", Array("P6 9 9 255\nshort".utf8))
    try pets.folder.file("a/2.jpg", Array("no image".utf8))
    try FileManager.default.createSymbolicLink(
      atPath: "\(pets.path)/b/gone.png", withDestinationPath: "/no/file")
    var images = try TrainingImages(folder: pets.path)
    var names: [String] = []
    var damaged: [String] = []
    try images.scan(TrainingImageReader(), threads: threads) { result in
      names.append(String(result.input.name.dropFirst(pets.path.count + 1)))
      if case .failure(let error) = result.result {
        #expect(error is ImageError)
        damaged.append(names.last ?? "")
      }
    }
    #expect(names.count == 8 && damaged == ["a/1.ppm", "a/2.jpg"])
    #expect(images.failures.map(\.name) == ["b/gone.png", "a/1.ppm", "a/2.jpg"])
    #expect(
      images.images.map(\.name)
        == ["a/0.ppm", "a/2.ppm", "a/3.ppm", "b/0.ppm", "b/1.ppm", "b/2.ppm"])
  }

  @Test func aClassWithoutImagesIsAnError() throws {
    try pets.classes([2, 1])
    try pets.folder.file("b/0.ppm", Array("P6 9 9 255\n".utf8))
    #expect(throws: TrainingDataError.noImages(class: "b")) { try pets.scanned() }
    try pets.classes([1, 1], in: "z/train/")
    try pets.classes([1, 1], in: "z/val/")
    try pets.remove("z/train/b/0.ppm")
    var images = try TrainingImages(folder: pets.path + "/z")
    #expect(throws: TrainingDataError.noImages(class: "b")) {
      try images.scan(TrainingImageReader())
    }
  }

  @Test func fingerprintsAreDelivered() throws {
    try pets.classes([2, 2])
    try pets.folder.file("b/copy.ppm", PetFolder.ppm(0))
    var decoding = DecodingOptions()
    decoding.fingerprints = true
    var images = try TrainingImages(folder: pets.path)
    var prints: [ImageFingerprint?] = []
    try images.scan(TrainingImageReader(decoding: decoding)) { prints.append($0.fingerprint) }
    #expect(prints.count == 5 && prints.allSatisfy { $0 != nil })
    #expect(prints[0] == prints[4] && prints[0] != prints[1])
  }
}
