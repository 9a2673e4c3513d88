import Foundation
import Host
import Testing
import TestSupport

/// Files that appear only when complete, on file systems with and without unnamed files.
struct AtomicFileTests {
  private let folder: TemporaryFolder

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write(_ text: String, to file: AtomicFile) throws {
    try Array(text.utf8).withUnsafeBytes { try file.write($0) }
  }

  @Test(arguments: [false, true], [nil, "before"])
  func appearsWhole(isNamed: Bool, old: String?) throws {
    let path = "\(folder.path)/file"
    try old?.write(toFile: path, atomically: false, encoding: .utf8)
    let file = try AtomicFile(path: path, isNamed: isNamed)
    try write("first ", to: file)
    try write("second", to: file)
    #expect((try? String(contentsOfFile: path, encoding: .utf8)) == old)
    try file.commit()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "first second")
    #expect(try folder.contents == ["file"])
  }

  @Test(arguments: [false, true])
  func droppedFileLeavesNothing(isNamed: Bool) throws {
    do {
      let file = try AtomicFile(path: "\(folder.path)/file", isNamed: isNamed)
      try write("half", to: file)
      let hasName = isNamed || !Self.hasNamelessFiles(folder.path)
      #expect(try folder.contents.count { $0.hasPrefix(".cnnzoo-") } == (hasName ? 1 : 0))
    }
    #expect(try folder.contents.isEmpty)
  }

  /// What `O_TMPFILE` asks for.
  private static func hasNamelessFiles(_ folder: String) -> Bool {
    let descriptor = open(folder, O_WRONLY | O_DIRECTORY | 0o20_000_000, 0o600)
    if descriptor >= 0 { close(descriptor) }
    return descriptor >= 0
  }

  /// A file that another process created meanwhile is replaced; if it cannot be, that is an error.
  @Test func theNameIsTaken() throws {
    let path = "\(folder.path)/file"
    let file = try AtomicFile(path: path)
    try write("new", to: file)
    try "of another".write(toFile: path, atomically: false, encoding: .utf8)
    try file.commit()
    #expect(try String(contentsOfFile: path, encoding: .utf8) == "new")
    do {
      let file = try AtomicFile(path: "\(folder.path)/other")
      try FileManager.default.createDirectory(
        atPath: "\(folder.path)/other/full", withIntermediateDirectories: true)
      #expect(throws: FileError.self) { try file.commit() }
    }
    #expect(try folder.contents == ["file", "other"])
  }
}
