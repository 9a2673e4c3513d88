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

/// The choice of validation images.
struct TrainingDivisionTests {
  private static func share(_ images: TrainingImages, class index: Int) -> (Int, Int) {
    let members = images.images.filter { $0.classIndex == index }
    return (members.count { $0.isValidation }, members.count)
  }

  @Test func eachClassGivesItsShare() throws {
    let pets = try PetFolder()
    try pets.classes([1, 2, 3, 20, 41])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: 5)
    #expect((0..<5).map { Self.share(images, class: $0).0 } == [0, 1, 1, 3, 6])
    #expect(Set(images.training + images.validation) == Set(images.images.indices))
    let first = images.validation
    images.divide(seed: 5)
    #expect(images.validation == first)
    images.divide(seed: 6)
    #expect(images.validation != first)
    images.divide(validationShare: 0, seed: 6)
    #expect(images.validation.isEmpty)
    images.divide(validationShare: 0.9, seed: 6)
    #expect((0..<5).map { Self.share(images, class: $0).0 } == [0, 1, 2, 18, 37])
  }

  /// Many random groups, some with several classes.
  @Test(arguments: 0..<20)
  func copiesStayTogether(seed: UInt64) throws {
    let pets = try PetFolder()
    let counts = [2, 3, 4, 9, 20]
    try pets.classes(counts)
    var images = try TrainingImages(folder: pets.path)
    var random = SeededGenerator(seed: seed)
    var rest = Array(images.images.indices).shuffled(using: &random)
    var groups: [[Int]] = []
    while rest.count > 12 {
      groups.append(Array(rest.prefix(Int.random(in: 2...3, using: &random))))
      rest.removeFirst(groups.last?.count ?? 0)
    }
    images.divide(seed: seed, duplicates: groups)
    for group in groups {
      #expect(Set(group.map { images.images[$0].isValidation }).count == 1)
    }
    // A class has an image for training if anything; with a group of its own or a single image
    // beside others, also one for validation.
    var unit = Array(images.images.indices)
    for group in groups { for image in group { unit[image] = group[0] } }
    for index in counts.indices {
      let members = images.images.indices.filter { images.images[$0].classIndex == index }
      #expect(members.contains { !images.images[$0].isValidation })
      let own = Set(members.map { unit[$0] }).filter { first in
        images.images.indices.allSatisfy {
          unit[$0] != first || images.images[$0].classIndex == index
        }
      }
      if !own.isEmpty, Set(members.map { unit[$0] }).count > 1 {
        #expect(members.contains { images.images[$0].isValidation })
      }
    }
  }

  /// Copies alone cannot be on both sides; one large group can.
  @Test func groupsLargerThanTheShare() throws {
    let pets = try PetFolder()
    try pets.classes([4, 6])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: 1, duplicates: [[0, 1, 2, 3], [4, 5, 6], [7, 8, 9]])
    #expect(Self.share(images, class: 0) == (0, 4))
    #expect(Self.share(images, class: 1) == (3, 6))
  }

  /// Copies in two classes are for training while these have other images.
  @Test(arguments: 0..<10)
  func conflictingCopiesAreForTraining(seed: UInt64) throws {
    let pets = try PetFolder()
    try pets.classes([2, 2])
    var images = try TrainingImages(folder: pets.path)
    images.divide(seed: seed, duplicates: [[1, 2]])
    #expect(images.validation == [0, 3])
  }

  private struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1 }

    mutating func next() -> UInt64 {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return state ^ (state >> 29)
    }
  }
}

/// The list of a run's images.
struct TrainingListTests {
  private let pets: PetFolder
  private let run: TemporaryFolder

  init() throws {
    (pets, run) = (try PetFolder(), try TemporaryFolder())
    try pets.classes([5, 4])
    try pets.folder.file("b/damaged.ppm", Array("P6 9 9 255\n".utf8))
  }

  private var list: String { "\(run.path)/images.jsonl" }

  /// Scans, divides and writes the list.
  private func started() throws -> TrainingImages {
    var images = try pets.scanned()
    images.divide(seed: 3)
    try images.writeList(to: list)
    return images
  }

  private func resumed(threads: Int = 2) throws -> TrainingImages {
    try TrainingImages(
      folder: pets.path, resuming: list, reader: TrainingImageReader(), threads: threads)
  }

  private func difference() throws -> TrainingDataError? {
    do {
      _ = try resumed()
      return nil
    } catch let error as TrainingDataError {
      return error
    }
  }

  @Test(arguments: [1, 3])
  func unchangedFoldersResume(threads: Int) throws {
    let images = try started()
    let lines = images.list.split(separator: "\n")
    #expect(lines.count == 10)
    #expect(lines[0].hasPrefix(#"{"file":"a/0.ppm","class":"a","split":""#))
    #expect(
      lines[9].hasPrefix(#"{"file":"b/damaged.ppm","error":"damaged PNM data: "#), "\(lines[9])")
    #expect(!images.list.contains(pets.path))
    let resumed = try resumed(threads: threads)
    #expect(resumed.images.map(\.name) == images.images.map(\.name))
    #expect(resumed.validation == images.validation && resumed.list == images.list)
    #expect(resumed.digest == images.digest && images.digest.utf8.count == 32)
    #expect(resumed.failures.map(\.name) == ["b/damaged.ppm"])
  }

  /// Times do not count: the folder may have been copied.
  @Test func copiedFoldersResume() throws {
    let images = try started()
    let copy = try TemporaryFolder()
    for name in ["a", "b"] {
      try FileManager.default.copyItem(
        atPath: "\(pets.path)/\(name)", toPath: "\(copy.path)/\(name)")
    }
    let resumed = try TrainingImages(
      folder: copy.path, resuming: list, reader: TrainingImageReader())
    #expect(resumed.list == images.list)
  }

  @Test func changesAreNamed() throws {
    _ = try started()
    let original = PetFolder.ppm(1)
    #expect(try difference() == nil)

    // The same size, and one bit.
    var changed = original
    changed[changed.count - 1] ^= 1
    try pets.folder.file("a/1.ppm", changed)
    #expect(try difference() == .otherFolder(difference: .changed(path: "a/1.ppm"), count: 1))
    try pets.folder.file("a/1.ppm", original)
    #expect(try difference() == nil)

    try pets.image("a/15.ppm", 9)
    #expect(try difference() == .otherFolder(difference: .added(path: "a/15.ppm"), count: 1))
    try pets.remove("a/15.ppm")

    try pets.remove("a/1.ppm")
    #expect(try difference() == .otherFolder(difference: .removed(path: "a/1.ppm"), count: 1))
    // An image in another class is a new one there.
    try pets.folder.file("b/1x.ppm", original)
    #expect(try difference() == .otherFolder(difference: .added(path: "b/1x.ppm"), count: 2))
    try pets.remove("b/1x.ppm")
    try pets.folder.file("a/1.ppm", original)

    // A damaged image stays out, and must stay the same.
    try pets.image("b/damaged.ppm", 4)
    #expect(try difference() == .otherFolder(difference: .changed(path: "b/damaged.ppm"), count: 1))
    try pets.remove("b/damaged.ppm")
    #expect(try difference() == .otherFolder(difference: .removed(path: "b/damaged.ppm"), count: 1))
    try pets.folder.file("b/damaged.ppm", Array("P6 9 9 255\n".utf8))

    // Even a class without images changes the numbers of the classes.
    try pets.folder.file("aa/notes.txt", Array("no image".utf8))
    #expect(try difference() == .noImages(class: "aa"))
    try pets.remove("aa")
    #expect(try difference() == nil)
  }

  @Test func messagesNameTheFile() throws {
    _ = try started()
    try pets.remove("a/1.ppm")
    try pets.remove("b/2.ppm")
    #expect(
      try difference()?.description
        == "a/1.ppm was removed since the run started, and there is one more difference;"
        + " restore the folder, or start a new run")
  }

  /// Every prefix of a list, and lists with other values.
  @Test func damagedListsAreErrors() throws {
    let text = try started().list
    for count in 0..<text.utf8.count {
      try Data(text.utf8.prefix(count)).write(to: URL(filePath: list))
      switch try difference() {
      case .badList(list, _), .otherFolder(.added, _): break
      // Only the last line break is missing.
      case nil: #expect(count == text.utf8.count - 1)
      case let other: Issue.record("\(count): \(String(describing: other))")
      }
    }
    for line in [
      "", "{}", "7", "[]", "null", #"{"file":"a/0.ppm"}"#, #"{"file":7}"#, "\u{0}",
      #"{"file":"a/0.ppm","class":"a","split":"test","hash":"\#(String(repeating: "0", count: 32))"}"#,
      #"{"file":"a/0.ppm","class":"a","split":"train","hash":"00"}"#,
      #"{"file":"a/0.ppm","class":"a","split":"train"}"#,
      #"{"file":"a/0.ppm","file":"a/0.ppm"}"#, String(repeating: "[", count: 100_000),
    ] {
      try run.file("images.jsonl", Array(line.utf8))
      let error = try difference()
      if line.isEmpty { continue }
      guard case .badList(list, _)? = error else {
        Issue.record("\(line.prefix(50)): \(String(describing: error))")
        continue
      }
    }
    try FileManager.default.removeItem(atPath: list)
    guard case .badList(list, _)? = try difference() else {
      Issue.record("a missing list")
      return
    }
  }
}
