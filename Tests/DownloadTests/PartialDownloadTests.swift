import Download
import Foundation
import TestSupport
import Testing

struct PartialDownloadTests {
  private let directory: TemporaryFolder
  private let address: WebAddress
  private let partials: PartialDownloads

  init() throws {
    directory = try TemporaryFolder()
    address = try WebAddress("https://example.org/weights.pth", policy: .encrypted)
    partials = try PartialDownloads(folder: directory.path, address: address)
  }

  private var folder: String { directory.path }

  private func validators(_ tag: String = "a") throws -> Validators {
    var response = HTTPResponse()
    for line in ["HTTP/1.1 200 OK", "Content-Length: 100", "ETag: \"\(tag)\""] {
      response.parse(line)
    }
    return try #require(Validators(response))
  }

  private var names: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: folder).sorted() }
  }

  /// Leaves `count` bytes as an aborted download does.
  private func leave(_ count: Int, tag: String = "a") throws {
    let file = try partials.begin(validators(tag))
    try Array(repeating: UInt8(7), count: count).withUnsafeBytes { try file.append($0) }
    file.keep()
  }

  @Test func aDroppedFileIsRemoved() throws {
    do {
      let file = try partials.begin(validators())
      try [UInt8](1...3).withUnsafeBytes { try file.append($0) }
      #expect(try names.count == 1)
    }
    #expect(try names.isEmpty)
  }

  @Test func aMovedFileHasItsNameAndHash() throws {
    let file = try partials.begin(nil)
    try Array("ab".utf8).withUnsafeBytes { try file.append($0) }
    try Array("c".utf8).withUnsafeBytes { try file.append($0) }
    #expect(try file.finish() == SHA256.digits(of: "abc"))
    try file.move(to: "weights.pth")
    #expect(try names == ["weights.pth"])
    #expect(try SHA256.digits(ofFile: "\(folder)/weights.pth") == SHA256.digits(of: "abc"))
  }

  @Test func theLongestOfTheSameVersionIsResumed() throws {
    for count in [10, 30, 20] { try leave(count) }
    try leave(40, tag: "b")
    #expect(partials.all().map(\.byteCount) == [40, 30, 20, 10])
    let partial = try #require(try partials.longest(of: validators()))
    #expect(partial.byteCount == 30)
    let resumed = try partials.begin(validators())
    try resumed.append(from: partial, count: 25)
    #expect(resumed.byteCount == 25)
    #expect(throws: DownloadError.self) {
      try partials.begin(validators()).append(from: partial, count: 31)
    }
  }

  @Test func addressesHaveSeparatePartialDownloads() throws {
    try leave(10)
    let other = try WebAddress("https://example.org/other.pth", policy: .encrypted)
    #expect(try PartialDownloads(folder: folder, address: other).all().isEmpty)
  }

  /// Another process may be writing to a file: it holds a lock.
  @Test func filesInUseAreNotRemoved() throws {
    try leave(10)
    let open = try partials.begin(validators())
    try [UInt8](1...3).withUnsafeBytes { try open.append($0) }
    try leave(20)
    let kept = try #require(partials.all().first).path
    partials.remove(except: kept)
    #expect(partials.all().map(\.byteCount) == [20, 3])
    partials.remove()
    #expect(partials.all().map(\.path) == [open.path])
  }

  /// The vectors of FIPS 180-4.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hashes(text: String, digits: String) throws {
    #expect(try SHA256.digits(of: text) == digits)
    let expected = try #require(ExpectedHash(digits.uppercased()))
    #expect(expected.isComplete && expected.matches(digits))
    let prefix = try #require(ExpectedHash(String(digits.prefix(8))))
    #expect(!prefix.isComplete && prefix.matches(digits))
    #expect(!prefix.matches("0" + digits.dropFirst()))
  }

  @Test(arguments: ["", "1234567", String(repeating: "0", count: 65), "0123456g", "é1234567"])
  func otherTextsAreNotHashes(text: String) { #expect(ExpectedHash(text) == nil) }
}
