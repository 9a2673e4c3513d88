import Foundation
import Testing
import TestSupport
import Weights

@Suite struct TensorViewTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// One tensor of eight bytes that begins `shift` bytes after an aligned place.
  private func tensor(_ type: ElementType, _ bytes: [UInt8], shift: Int) throws -> TensorView {
    let count = bytes.count * 8 / type.bitWidth
    var writer = SafetensorsWriter()
    writer.append(name: "shift", elementType: .u8, shape: [shift]) { _ in }
    writer.append(name: "t", elementType: type, shape: [count]) { $0.copyBytes(from: bytes) }
    let path = "\(folder.path)/\(type)-\(shift)"
    try writer.write(to: path)
    return try #require(try WeightFile(path: path)["t"])
  }

  @Test(arguments: 0..<9)
  func unalignedNumbersAreRead(_ shift: Int) throws {
    func read(_ type: ElementType, _ values: [some FixedWidthInteger]) throws -> [Float] {
      try tensor(type, values.flatMap(littleEndian), shift: shift).floats()
    }
    #expect(try read(.f32, [Float(1.5).bitPattern, Float(-2).bitPattern]) == [1.5, -2])
    #expect(
      try read(.f64, [Double(1.5).bitPattern, Double(1e300).bitPattern]) == [1.5, .infinity])
    #expect(try read(.f16, [0x3c00, 0xc000, 0x0001] as [UInt16]) == [1, -2, 0x1p-24])
    #expect(try read(.bf16, [0x3f80, 0xc000] as [UInt16]) == [1, -2])
    #expect(try read(.i64, [-3, 4] as [Int64]) == [-3, 4])
    #expect(try read(.u64, [.max, 4] as [UInt64]) == [0x1p64, 4])
    #expect(try read(.i32, [-3, 4] as [Int32]) == [-3, 4])
    #expect(try read(.u32, [.max, 4] as [UInt32]) == [0x1p32, 4])
    #expect(try read(.i16, [-3, 4] as [Int16]) == [-3, 4])
    #expect(try read(.u16, [65535, 4] as [UInt16]) == [65535, 4])
    #expect(try read(.i8, [-3, 4] as [Int8]) == [-3, 4])
    #expect(try read(.u8, [255, 4] as [UInt8]) == [255, 4])
    #expect(try read(.bool, [0, 1, 2] as [UInt8]) == [0, 1, 1])
  }

  @Test(arguments: [0, 1, 4])
  func alignedFloatsAreNotCopied(_ shift: Int) throws {
    let tensor = try tensor(.f32, littleEndian(Float(5).bitPattern), shift: shift)
    let mapped = tensor.withUnsafeBytes { UInt(bitPattern: $0.baseAddress) }
    let given = try tensor.withContiguousFloats { floats in
      #expect(Array(floats) == [5])
      return UInt(bitPattern: floats.baseAddress)
    }
    #expect((mapped == given) == shift.isMultiple(of: 4))
  }

  @Test func copiesIntoGivenMemory() throws {
    let tensor = try #require(try WeightFile(path: golden("strided.pth"))["transposed"])
    var values = [Float](repeating: 0, count: 6)
    try values.withUnsafeMutableBufferPointer { try tensor.copyFloats(into: $0) }
    #expect(values == [0, 3, 1, 4, 2, 5])
  }

  @Test func otherTypesDoNotConvert() throws {
    let tensor = try #require(try WeightFile(path: golden("plain.pth"))["f8"])
    #expect(tensor.elementType == .f8e4m3)
    #expect(throws: WeightsError.self) { try tensor.floats() }
    #expect(tensor.withUnsafeBytes { Array($0) } == [0, 0])
  }

  @Test(arguments: ElementType.allCases)
  func allConvertibleTypesConvert(_ type: ElementType) throws {
    let tensor = try tensor(type, [UInt8](repeating: 0, count: 24), shift: 1)
    if type.convertsToFloat {
      #expect(try tensor.floats().allSatisfy { $0 == 0 })
    } else {
      #expect(throws: WeightsError.self) { try tensor.floats() }
    }
  }
}
