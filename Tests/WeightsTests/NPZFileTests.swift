import Foundation
import TestSupport
import Testing
import Weights

struct NPZFileTests {
  private let folder: TemporaryFolder
  private static let strings = ["a.jpg", "", "ü/🐈.png", "line\nfeed"].map { Array($0.utf8) }
  private static let integers = [0, -1, .max, .min]

  init() throws {
    folder = try TemporaryFolder()
  }

  private func write() throws -> String {
    var writer = NPZWriter()
    writer.append("values", shape: [2, 3], values: [1, 2, 3, -4, .infinity, 6.5])
    writer.append("strings", strings: Self.strings)
    writer.append("integers", integers: Self.integers)
    let path = "\(folder.path)/x.npz"
    try writer.write(to: path)
    return path
  }

  @Test func roundTrip() throws {
    let file = try NPZFile(path: write())
    #expect(
      try file.array("values")
        == NPYArray(shape: [2, 3], values: [1, 2, 3, -4, .infinity, 6.5]))
    #expect(try file.strings("strings") == Self.strings)
    #expect(try file.integers("integers") == Self.integers)
    #expect(try file.array("integers").shape == [4])
    #expect(NPZFile.begins("\(folder.path)/x.npz"))
  }

  /// Python's surrogateescape: `os.fsencode` of what NumPy reads gives the bytes back.
  @Test(arguments: [
    [0x61, 0xFF, 0x62], [0xC3], [0xE2, 0x82, 0x41], [0xED, 0xA0, 0x80], [0xF0, 0x9F, 0x90, 0x88],
    [0xC0, 0x80, 0x7F], Array(0x80...0xFF),
  ])
  func bytesThatAreNotUTF8(bytes: [UInt8]) throws {
    var writer = NPZWriter()
    writer.append("strings", strings: [bytes, [0x78]])
    let path = try folder.file("bytes.npz", writer.encoded(named: "bytes"))
    #expect(try NPZFile(path: path).strings("strings") == [bytes, [0x78]])
  }

  @Test func compressedArchivesNameTheRemedy() throws {
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: write())))
    // The method of every entry in the directory.
    for start in bytes.indices where bytes[start...].starts(with: [0x50, 0x4B, 1, 2]) {
      bytes[start + 10] = 8
    }
    let path = try folder.file("compressed.npz", bytes)
    let error = #expect(throws: WeightsError.self) { try NPZFile(path: path) }
    #expect(error?.description.contains("numpy.savez") == true)
  }

  @Test func emptyArrays() throws {
    var writer = NPZWriter()
    writer.append("strings", strings: [])
    writer.append("integers", integers: [])
    let path = try folder.file("empty.npz", writer.encoded(named: "empty"))
    #expect(try NPZFile(path: path).strings("strings").isEmpty)
    #expect(try NPZFile(path: path).integers("integers").isEmpty)
  }

  @Test func otherTypesAndNamesAreErrors() throws {
    let file = try NPZFile(path: write())
    #expect(throws: WeightsError.self) { try file.array("absent") }
    #expect(throws: WeightsError.self) { try file.strings("integers") }
    #expect(throws: WeightsError.self) { try file.integers("strings") }
    #expect(throws: WeightsError.self) { try file.integers("values") }
    #expect(throws: WeightsError.self) { try file.array("strings") }
  }

  @Test func everyTruncationIsAnError() throws {
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: write())))
    for length in stride(from: 0, to: bytes.count, by: 7) {
      let path = try folder.file("cut.npz", bytes.prefix(length))
      #expect(throws: WeightsError.self, "\(length)") {
        let file = try NPZFile(path: path)
        _ = try (file.array("values"), file.strings("strings"), file.integers("integers"))
      }
    }
  }

  @Test func surrogatesAreNoCharacters() throws {
    var bytes = [UInt8](try Data(contentsOf: URL(filePath: write())))
    let start = try #require(
      bytes.indices.first { bytes[$0...].starts(with: [0x61, 0, 0, 0, 0x2E, 0, 0, 0]) })
    bytes.replaceSubrange(start..<start + 4, with: [0x00, 0xD8, 0, 0])
    let path = try folder.file("surrogate.npz", bytes)
    let error = #expect(throws: WeightsError.self) {
      try NPZFile(path: path).strings("strings")
    }
    #expect(error?.description.contains("not Unicode") == true)
  }
}
