import Foundation
import Host
import Testing
import TestSupport
import Weights

@Suite struct SafetensorsWriterTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func writesExactlyTheseBytes() throws {
    var writer = SafetensorsWriter(metadata: ["b": "\"\n", "a": "é"])
    writer.append(name: "x", shape: [2], values: [1, -2])
    writer.append(name: "n", elementType: .i64, shape: []) { $0.storeBytes(of: 3, as: Int64.self) }
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    var header = #"{"__metadata__":{"a":"é","b":"\"\n"},"#
    header += #""x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"#
    header += #""n":{"dtype":"I64","shape":[],"data_offsets":[8,16]}}"#
    let padded = header + String(repeating: " ", count: 184 - header.utf8.count)
    let expected =
      littleEndian(UInt64(184)) + Array(padded.utf8) + littleEndian(Float(1).bitPattern)
      + littleEndian(Float(-2).bitPattern) + littleEndian(Int64(3))
    #expect(try bytes(ofFile: path) == expected)
    #expect(try folder.contents == ["out"])
  }

  @Test(arguments: 0..<70)
  func numbersBeginAligned(_ nameLength: Int) throws {
    var writer = SafetensorsWriter()
    writer.append(name: String(repeating: "n", count: nameLength), shape: [1], values: [7])
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    #expect(try bytes(ofFile: path).count % 64 == 4)
    #expect(try WeightFile(path: path).tensors.first?.floats() == [7])
  }

  @Test func roundTripIsIdentical() throws {
    let first = "\(folder.path)/first"
    let second = "\(folder.path)/second"
    for (source, target) in [(golden("plain.pth"), first), (first, second)] {
      let file = try WeightFile(path: source)
      var writer = SafetensorsWriter(metadata: ["k": "v"])
      for tensor in file.tensors { writer.append(tensor) }
      try writer.write(to: target)
    }
    #expect(try bytes(ofFile: first) == bytes(ofFile: second))
    let file = try WeightFile(path: second)
    let original = try WeightFile(path: golden("plain.pth"))
    #expect(file.names == original.names)
    #expect(file.tensors.map(\.elementType) == original.tensors.map(\.elementType))
    #expect(file.metadata == ["k": "v"])
  }

  @Test func stridedTensorsBecomeContiguous() throws {
    let source = try WeightFile(path: golden("strided.pth"))
    var writer = SafetensorsWriter()
    for tensor in source.tensors { writer.append(tensor) }
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    let copy = try WeightFile(path: path)
    for tensor in source.tensors {
      #expect(copy[tensor.name]?.strides == nil)
      #expect(try copy[tensor.name]?.floats() == tensor.floats(), "\(tensor.name)")
    }
  }

  @Test(arguments: [ElementType.f16, .bf16, .f32])
  func convertsFloatsAndKeepsIntegers(_ type: ElementType) throws {
    let source = try WeightFile(path: golden("plain.pth"))
    var writer = SafetensorsWriter()
    for tensor in source.tensors { writer.append(tensor, as: type) }
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    let copy = try WeightFile(path: path)
    for tensor in source.tensors {
      let expected = tensor.elementType.isFloatingPoint ? type : tensor.elementType
      #expect(copy[tensor.name]?.elementType == expected, "\(tensor.name)")
      if tensor.elementType.convertsToFloat {
        #expect(try copy[tensor.name]?.floats() == tensor.floats(), "\(tensor.name)")
      }
    }
  }

  @Test func specialValuesAreKept() throws {
    let values: [Float] = [.infinity, -.infinity, -0.0, 65504]
    var writer = SafetensorsWriter()
    writer.append(name: "half", shape: [4], values: values, as: .f16)
    writer.append(name: "nan", shape: [1], values: [.nan], as: .f16)
    let path = "\(folder.path)/out"
    try writer.write(to: path)
    let file = try WeightFile(path: path)
    #expect(try file["half"]?.floats().map(\.bitPattern) == values.map(\.bitPattern))
    #expect(try file["nan"]?.floats().first?.isNaN == true)
  }

  @Test(arguments: [(ElementType.f16, Float(65520)), (.bf16, .greatestFiniteMagnitude)])
  func overflowNamesTheTensor(_ type: ElementType, _ value: Float) throws {
    var writer = SafetensorsWriter()
    writer.append(name: "stem.weight", shape: [2], values: [0, value], as: type)
    let error = #expect(throws: WeightsError.self) { try writer.write(to: "\(folder.path)/out") }
    guard case .unrepresentable(_, "stem.weight", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("element 1"))
    #expect(try folder.contents == [])
  }

  @Test func doublesThatOverflowNameTheTensor() throws {
    var writer = SafetensorsWriter()
    writer.append(name: "d", elementType: .f64, shape: [2]) {
      $0.bindMemory(to: Double.self)[1] = 1e39
    }
    let source = "\(folder.path)/source"
    try writer.write(to: source)
    writer = SafetensorsWriter()
    writer.append(try #require(try WeightFile(path: source)["d"]), as: .f32)
    let error = #expect(throws: WeightsError.self) { try writer.write(to: "\(folder.path)/out") }
    guard case .unrepresentable(_, "d", let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(reason.contains("element 1"))
  }

  @Test func failingProducerLeavesNoFile() throws {
    let path = try folder.file([1, 2, 3], named: "out")
    var writer = SafetensorsWriter()
    writer.append(name: "a", shape: [1], values: [1])
    writer.append(name: "b", elementType: .f32, shape: [1]) { _ throws(WeightsError) in
      throw .changed(path: "source")
    }
    #expect(throws: WeightsError.changed(path: "source")) { try writer.write(to: path) }
    #expect(try folder.contents == ["out"])
    #expect(try bytes(ofFile: path) == [1, 2, 3])
  }

  @Test func replacesAFile() throws {
    let path = try folder.file([1, 2, 3], named: "out")
    var writer = SafetensorsWriter()
    writer.append(name: "a", shape: [1], values: [1])
    try writer.write(to: path)
    #expect(try WeightFile(path: path).names == ["a"])
    #expect(try folder.contents == ["out"])
  }

  @Test func namesMustDiffer() throws {
    for names in [["a", "a"], ["__metadata__"]] {
      var writer = SafetensorsWriter()
      for name in names { writer.append(name: name, shape: [], values: [1]) }
      #expect(throws: WeightsError.self, "\(names)") { try writer.write(to: "\(folder.path)/out") }
    }
    #expect(try folder.contents == [])
  }

  @Test(arguments: ["", "/absent/out", "/weights/out"])
  func reportsWhyAFileCannotBeCreated(_ suffix: String) throws {
    _ = try folder.file([1])
    let path = folder.path + suffix
    let error = #expect(throws: FileError.self) { try SafetensorsWriter().write(to: path) }
    guard case .cannotCreate(path, let reason) = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(
      reason == ["": "is a folder", "/absent/out": "No such file or directory"][suffix]
        ?? "Not a directory")
    #expect(try folder.contents == ["weights"])
  }

  @Test func aDeviceIsNotReplaced() {
    #expect(throws: FileError.cannotCreate(path: "/dev/full", reason: "is not a regular file")) {
      try SafetensorsWriter().write(to: "/dev/full")
    }
  }
}
