import CNNZoo
import Foundation
import TestSupport
import Testing

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
    let zeros = String(repeating: "0", count: 32)
    for line in [
      "", "{}", "7", "[]", "null", #"{"file":"a/0.ppm"}"#, #"{"file":7}"#, "\u{0}",
      #"{"file":"a/0.ppm","class":"a","split":"test","hash":"\#(zeros)"}"#,
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
