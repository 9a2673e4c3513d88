import Foundation
import Testing
import TestSupport
import Weights

/// The bytes of a version 1 file.
private func file(_ header: String, data count: Int = 8, version: [UInt8] = [1, 0]) -> [UInt8] {
  [0x93] + Array("NUMPY".utf8) + version + littleEndian(UInt16(header.utf8.count))
    + Array(header.utf8) + [UInt8](repeating: 0, count: count)
}

private func header(
  descr: String = "'<f4'", order: String = "False", shape: String = "(2,)"
) -> String { "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }  \n" }

@Suite struct NPYArrayTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: ["f2", "f4", "f8", "u1", "i8", "fortran"])
  func readsNumPyFiles(_ name: String) throws {
    let array = try NPYArray(path: golden("\(name).npy"))
    #expect(array.shape == [2, 3, 4])
    #expect(array.values == (0..<24).map(Float.init))
  }

  @Test(arguments: ["f4", "scalar", "vector"])
  func writesTheSameBytesAsNumPy(_ name: String) throws {
    let path = "\(folder.path)/out.npy"
    try NPYArray(path: golden("\(name).npy")).write(to: path)
    #expect(try bytes(ofFile: path) == bytes(ofFile: golden("\(name).npy")))
    #expect(try folder.contents == ["out.npy"])
  }

  @Test(arguments: [
    file(header()),
    file(header(shape: "(1, 2)")),
    file(header(shape: "(1, 2,)")),
    file(header(shape: "()"), data: 4),
    file(header(shape: "(0, 3)"), data: 0),
    file(header(order: "True", shape: "(0, 3)"), data: 0),
    file("{'shape':(2,),'fortran_order':False,'descr':'<f4'}"),
  ])
  func accepts(_ bytes: [UInt8]) throws { _ = try NPYArray(path: folder.file(bytes)) }

  @Test(arguments: [
    file(header(), data: 7),
    file(header(), data: 9),
    file(header(descr: "'>f4'")),
    file(header(descr: "'|O'")),
    file(header(descr: "[('a', '<f4')]")),
    file(header(descr: "\"<f4\"")),
    file(header(order: "0")),
    file(header(order: "None")),
    file(header(shape: "(2)")),
    file(header(shape: "2")),
    file(header(shape: "[2]")),
    file(header(shape: "(2L,)")),
    file(header(shape: "(-2,)")),
    file(header(shape: "(,)")),
    file(header(shape: "(1, 1, 1, 1, 1, 1, 1, 1, 2)")),
    file(header(shape: "(9223372036854775808,)")),
    file(header(shape: "(4611686018427387904, 4)"), data: 0),
    file(header(order: "True", shape: "(4611686018427387904, 4)"), data: 0),
    file(header() + "{}"),
    file("{'descr': '<f4', 'fortran_order': False, }"),
    file("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}"),
    file("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}"),
    file("{'descr': '<f4' 'fortran_order': False, 'shape': (2,)}"),
    file("{"),
    file(""),
    file(header(), version: [4, 0]),
    file(header(), version: [0, 0]),
  ])
  func refuses(_ bytes: [UInt8]) throws {
    let path = try folder.file(bytes)
    #expect(throws: WeightsError.self, "\(String(decoding: bytes, as: UTF8.self))") {
      try NPYArray(path: path)
    }
  }

  @Test func everyTruncationIsAnError() throws {
    let whole = try bytes(ofFile: golden("f4.npy"))
    let path = try folder.file(whole)
    for length in (0..<whole.count).reversed() {
      try #require(truncate(path, length) == 0)
      #expect(throws: WeightsError.self, "\(length) bytes") { try NPYArray(path: path) }
    }
  }
}
