import Foundation
import Testing
import TestSupport
import Weights

@Suite struct TorchFileTests {
  @Test(arguments: [
    ("plain.pth", WeightFile.Format.torchArchive), ("plain-protocol4.pth", .torchArchive),
    ("plain-legacy.pth", .torchLegacy),
  ])
  func plainTensors(_ name: String, _ format: WeightFile.Format) throws {
    let file = try WeightFile(path: golden(name))
    #expect(file.format == format)
    #expect(
      file.names == [
        "f32", "f16", "bf16", "f64", "i64", "u8", "bool", "scalar", "empty", "parameter", "u16",
        "f8",
      ])
    func holds(
      _ name: String, _ type: ElementType, _ shape: [Int], _ values: [Float],
      _ location: SourceLocation = #_sourceLocation
    ) throws {
      let tensor = try #require(file[name], sourceLocation: location)
      #expect(tensor.elementType == type, sourceLocation: location)
      #expect(tensor.shape == shape, sourceLocation: location)
      #expect(tensor.strides == nil, sourceLocation: location)
      #expect(try tensor.floats() == values, sourceLocation: location)
    }
    try holds("f32", .f32, [2, 3], [1, 2, 3, 4, 5, 6])
    try holds("f16", .f16, [5], [2, 3, 4, 5, 6])
    try holds("bf16", .bf16, [5], [3, 4, 5, 6, 7])
    try holds("f64", .f64, [3], [4, 5, 6])
    try holds("i64", .i64, [], [5])
    try holds("u8", .u8, [3], [6, 7, 8])
    try holds("bool", .bool, [2], [1, 0])
    try holds("scalar", .f32, [], [7])
    try holds("empty", .f32, [2, 0, 3], [])
    try holds("parameter", .f32, [2], [8, 9])
    try holds("u16", .u16, [3], [9, 10, 11])
    #expect(file["f8"]?.elementType == .f8e4m3)
  }

  @Test(arguments: ["strided.pth", "strided-legacy.pth"])
  func stridedAndSharedTensors(_ name: String) throws {
    let file = try WeightFile(path: golden(name))
    func count(_ from: Int, _ count: Int) -> [Float] { (from..<from + count).map(Float.init) }

    let channelsLast = try #require(file["channels_last"])
    #expect(channelsLast.shape == [2, 3, 4, 5])
    #expect(channelsLast.strides == [60, 1, 15, 3])
    #expect(try channelsLast.floats() == count(1, 120))
    #expect(try file["half"]?.floats() == count(1, 24))
    #expect(try file["transposed"]?.floats() == [0, 3, 1, 4, 2, 5])
    #expect(try file["base"]?.floats() == count(100, 24))
    #expect(file["base"]?.strides == nil)
    #expect(try file["columns"]?.floats() == [101, 102, 107, 108, 113, 114, 119, 120])
    #expect(try file["rows"]?.floats() == count(112, 12))
    #expect(file["rows"]?.strides == nil)
    #expect(try file["every_other"]?.floats() == [100, 103, 112, 115])
  }

  @Test func checkpointsContainAStateDictionary() throws {
    let file = try WeightFile(path: golden("checkpoint.pth"))
    #expect(file.names == ["module.fc.weight", "module.fc.bias"])
    let set = try #require(file.sets(containing: ["fc.weight"]).first)
    #expect(set.prefix == "module." && set.dictionary.keys == ["state_dict"])
    #expect(try set["fc.bias"]?.floats() == [5, 6])
  }

  /// `args` is an `argparse.Namespace`.
  @Test func otherObjectsInACheckpointDoNoHarm() throws {
    let file = try WeightFile(path: golden("checkpoint-namespace.pth"))
    #expect(file.dictionaries.map(\.keys) == [["model"]])
    #expect(try file["module.fc.bias"]?.floats() == [5, 6])
  }

  @Test(arguments: ["plain.pth", "plain-legacy.pth", "strided.pth", "plain-protocol4.pth"])
  func everyTruncationIsAnError(_ name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try bytes(ofFile: golden(name))
    let path = try folder.file(whole)
    for length in (0..<whole.count).reversed() {
      try #require(truncate(path, length) == 0)
      #expect(throws: WeightsError.self, "\(name), \(length) bytes") { try WeightFile(path: path) }
    }
  }

  @Test(arguments: ["plain.pth", "plain-legacy.pth"])
  func trailingDataIsRejected(_ name: String) throws {
    let folder = try TemporaryFolder()
    let path = try folder.file(bytes(ofFile: golden(name)) + [0])
    #expect(throws: WeightsError.self) { try WeightFile(path: path) }
  }

  /// Damages each byte, one at a time.
  ///
  /// Most damage is detected; undetected damage must be harmless, so that every tensor can be read.
  @Test(arguments: ["plain.pth", "plain-legacy.pth", "strided.pth", "plain.safetensors"])
  func noDamageCrashes(_ name: String) throws {
    let folder = try TemporaryFolder()
    let whole = try bytes(ofFile: golden(name))
    let path = try folder.file(whole)
    let handle = try #require(FileHandle(forUpdatingAtPath: path))
    func put(_ byte: UInt8, at index: Int) throws {
      try handle.seek(toOffset: UInt64(index))
      try handle.write(contentsOf: [byte])
    }
    var noticed = 0
    for (index, original) in whole.enumerated() {
      for damaged in [original ^ 0xff, original ^ 1, 0] where damaged != original {
        try put(damaged, at: index)
        do {
          for tensor in try WeightFile(path: path).tensors
          where tensor.elementType.convertsToFloat { _ = try tensor.floats() }
        } catch { noticed += 1 }
      }
      try put(original, at: index)
    }
    #expect(noticed > whole.count / 2)
  }
}
