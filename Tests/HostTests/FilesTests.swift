import Foundation
import Host
import Testing
import TestSupport

struct FilesTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 3_000_000])
  func filesAreReadWhole(count: Int) throws {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
    let path = try folder.file("file", bytes)
    #expect(try Files.read(path, limit: count) == bytes)
  }

  @Test(arguments: [("file", 9), ("/dev/zero", 200_000)])
  func filesAboveTheLimitAreRejected(name: String, limit: Int) throws {
    try folder.file("file", Array(repeating: 7, count: 10))
    let path = name.hasPrefix("/") ? name : "\(folder.path)/\(name)"
    #expect(throws: FileError.tooLong(path: path, limit: limit)) {
      try Files.read(path, limit: limit)
    }
  }

  @Test(arguments: [("absent", "No such file or directory"), (".", "Is a directory")])
  func errorsNameTheReason(name: String, reason: String) throws {
    let path = "\(folder.path)/\(name)"
    #expect(throws: FileError.cannotRead(path: path, reason: reason)) {
      try Files.read(path, limit: 10)
    }
  }

  @Test func linksAreNotFollowedOnRequest() throws {
    let target = try folder.file("target", [1])
    let link = "\(folder.path)/link"
    try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: target)
    #expect(try Files.read(link, limit: 10) == [1])
    #expect(throws: FileError.self) { try Files.read(link, limit: 10, flags: O_NOFOLLOW) }
  }

  /// An endless device costs one block.
  @Test func aRejectedPrefixEndsReading() throws {
    let descriptor = Files.open("/dev/zero")
    defer { close(descriptor) }
    var seen = 0
    let bytes = try Files.read(descriptor, named: "zeros", limit: 1 << 30, prefix: 8) { prefix in
      seen = prefix.count
      return false
    }
    #expect(seen == bytes.count && (8...1 << 20).contains(seen))
  }

  @Test(arguments: [0, 5, 2_500_000, 4_000_000])
  func blocksCoverTheFileUpToTheLimit(limit: Int) throws {
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 7) }
    let descriptor = Files.open(try folder.file("file", bytes))
    defer { close(descriptor) }
    var read: [UInt8] = []
    #expect(Files.forEachBlock(of: descriptor, limit: limit) { read += $0 } == 0)
    #expect(read == Array(bytes.prefix(limit)))
  }

  @Test func aFailedWriteReturnsItsErrorNumber() {
    let descriptor = open("/dev/full", O_WRONLY)
    defer { close(descriptor) }
    let bytes: [UInt8] = [1, 2, 3]
    #expect(bytes.withUnsafeBytes { Files.write($0, to: descriptor) } == ENOSPC)
  }

  /// Links in a tree are removed; what they point to stays.
  @Test func treesAreRemovedWithoutFollowingLinks() throws {
    let kept = try folder.file("kept/file")
    try folder.file("tree/a/b/file")
    try FileManager.default.createSymbolicLink(
      atPath: "\(folder.path)/tree/a/link", withDestinationPath: "\(folder.path)/kept")
    Files.removeTree("\(folder.path)/tree")
    #expect(try folder.contents == ["kept"])
    #expect(FileManager.default.fileExists(atPath: kept))
  }

  @Test func aMissingDirectoryHasNoNames() {
    #expect(FilePath.names(in: "/no/such/folder").isEmpty)
  }

  @Test(arguments: [
    ("a\"b\\", #""a\"b\\""#), ("line\nfeed\ttab\r", #""line\nfeed\ttab\r""#),
    ("\u{1}\u{7F}\u{85}\u{2028}", #""\u0001\u007f\u0085\u2028""#), ("é☃", "\"é☃\""),
  ])
  func jsonStringsAreQuoted(text: String, quoted: String) {
    #expect("\(JSON.string(text))" == quoted)
    #expect("\(JSON.object([text: .null]))" == "{\(quoted):null}")
  }

  @Test func jsonNumbersThatAreNotFiniteAreNull() {
    #expect("\(JSON.array([.number(.nan), .float(.infinity), .float(0.1)]))" == "[null,null,0.1]")
  }
}
