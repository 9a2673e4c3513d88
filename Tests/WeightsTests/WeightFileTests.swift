import Foundation
import Testing
import TestSupport
import Weights

@Suite struct WeightFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func aMissingFileIsUnreadable() {
    let path = "\(folder.path)/absent"
    #expect(throws: WeightsError.unreadable(path: path, reason: "No such file or directory")) {
      try WeightFile(path: path)
    }
  }

  @Test func aFolderIsUnreadable() {
    #expect(throws: WeightsError.unreadable(path: folder.path, reason: "is a folder")) {
      try WeightFile(path: folder.path)
    }
  }

  @Test func devicesAndPipesAreUnreadable() {
    let pipe = "\(folder.path)/pipe"
    #expect(mkfifo(pipe, 0o600) == 0)
    for path in [pipe, "/dev/zero", "/dev/null"] {
      #expect(throws: WeightsError.unreadable(path: path, reason: "is not a regular file")) {
        try WeightFile(path: path)
      }
    }
  }

  @Test(arguments: ["", "x", "PK", "hello world, this is no weight file"])
  func otherContentIsMalformed(_ text: String) throws {
    let path = try folder.file(Array(text.utf8))
    let error = #expect(throws: WeightsError.self) { try WeightFile(path: path) }
    guard case .malformed(path, _) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
  }

  /// Four gibibytes of zeros that take no disk space.
  @Test func aSparseFileIsMalformed() throws {
    let path = try folder.file([])
    #expect(truncate(path, 4 << 30) == 0)
    #expect(throws: WeightsError.self) { try WeightFile(path: path) }
    #expect(throws: WeightsError.self) { try NPYArray(path: path) }
  }

  @Test func detectsTruncation() throws {
    let path = try folder.file(bytes(ofFile: golden("plain.safetensors")))
    let file = try WeightFile(path: path)
    try file.verifyUnchanged()
    #expect(truncate(path, 100) == 0)
    #expect(throws: WeightsError.changed(path: path)) { try file.verifyUnchanged() }
  }

  @Test func discardedTensorsStayReadable() throws {
    let values = (0..<100_000).map(Float.init)
    var writer = SafetensorsWriter()
    writer.append(name: "a", shape: [values.count], values: values)
    writer.append(name: "b", shape: [0], values: [])
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    let file = try WeightFile(path: path)
    for tensor in file.tensors {
      let before = try tensor.floats()
      file.discardPages(of: tensor)
      #expect(try tensor.floats() == before)
    }
    #expect(try file["a"]?.floats() == values)
  }

  @Test func aTensorOutlivesItsFile() throws {
    let tensor = try #require(try WeightFile(path: golden("plain.safetensors"))["f32"])
    #expect(try tensor.floats() == [1, 2, 3, 4, 5, 6])
  }

  @Test func controlCharactersAreEscaped() {
    let error = WeightsError.malformed(
      path: "a\nb", reason: "\u{1b}[2J\u{202e}" + String(repeating: "x", count: 1_000_000))
    #expect(error.description.hasPrefix(#"a\u{a}b: "#))
    #expect(!error.description.contains("\u{1b}"))
    #expect(!error.description.contains("\u{202e}"))
    #expect(error.description.count < 10_000)
  }

  static let real = [
    ("effnet-lite0-imagenet.safetensors", 4_652_008),
    ("mobilenetv3-small-imagenet-rot180-symmetric.safetensors", 2_542_856),
    ("mobilenetv3-small-imagenet-same.safetensors", 2_542_856),
  ]

  /// The published parameter counts: everything except running statistics and counters.
  @Test(
    .enabled(if: RealData.haveShared, "\(RealData.needsShared)"),
    arguments: real)
  func realWeights(_ name: String, _ parameters: Int) throws {
    let file = try WeightFile(path: "\(RealData.shared)/weights/\(name)")
    let learned = file.tensors.filter { !$0.name.contains("running_") && $0.elementType == .f32 }
    #expect(learned.reduce(0) { $0 + $1.elementCount } == parameters)
    for tensor in file.tensors {
      try tensor.withContiguousFloats { floats in
        #expect(floats.count == tensor.elementCount)
        #expect(!floats.contains { !$0.isFinite }, "\(tensor.name)")
      }
    }
  }
}
