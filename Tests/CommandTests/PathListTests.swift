import CNNZoo
import Foundation
import Testing

struct PathListTests {
  private let file: String

  init() throws {
    file = try TestFiles.folder() + "/list"
  }

  private func paths(in bytes: [UInt8], endedByZeros: Bool = false) throws -> [[UInt8]] {
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    var list = try PathList(file, endedByZeros: endedByZeros)
    var paths: [[UInt8]] = []
    while let path = try list.next() { paths.append(path) }
    return paths
  }

  @Test(arguments: [
    ("", [], []), ("a", ["a"], ["a"]), ("a\n", ["a"], ["a\n"]),
    ("\n\nb", ["", "", "b"], ["\n\nb"]),
    ("a\0b\n\0", ["a\0b", "\0"], ["a", "b\n"]), ("\0", ["\0"], [""]),
    ("a\r\nb\r\r\n", ["a", "b\r"], ["a\r\nb\r\r\n"]), ("\r\n", [""], ["\r\n"]),
    ("\u{FEFF}a\n\u{FEFF}b", ["a", "\u{FEFF}b"], ["\u{FEFF}a\n\u{FEFF}b"]),
  ])
  func pathsEndWithLineFeedsOrNULs(text: String, lines: [String], parts: [String]) throws {
    #expect(try paths(in: Array(text.utf8)) == lines.map { Array($0.utf8) })
    #expect(try paths(in: Array(text.utf8), endedByZeros: true) == parts.map { Array($0.utf8) })
  }

  /// A line is cut off at 64 KiB; the next one is complete, regardless of block boundaries.
  @Test(arguments: [65_535, 65_536, 65_537, 131_073, 400_000])
  func longLinesAreCut(length: Int) throws {
    let line = [UInt8](repeating: UInt8(ascii: "x"), count: length)
    let found = try paths(in: line + Array("\nnext".utf8))
    #expect(found.map(\.count) == [min(length, 65_536), 4])
  }

  @Test func theFileIsClosedAtItsEnd() throws {
    #expect(try paths(in: Array("a\nb".utf8)).count == 2)
    let resolved = try #require(realpath(file, nil))
    defer { free(resolved) }
    let name = String(cString: resolved)
    let open = (0..<4096).filter { descriptor in
      let link = "/proc/self/fd/\(descriptor)"
      return (try? FileManager.default.destinationOfSymbolicLink(atPath: link)) == name
    }
    #expect(open == [])
  }
}
