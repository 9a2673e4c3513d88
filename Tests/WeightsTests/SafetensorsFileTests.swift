import Foundation
import Testing
import TestSupport
import Weights

/// The bytes of a safetensors file with this header and `count` bytes of data.
private func file(_ header: String, data count: Int = 8, claims length: UInt64? = nil) -> [UInt8] {
  littleEndian(length ?? UInt64(header.utf8.count)) + Array(header.utf8)
    + [UInt8](repeating: 0, count: count)
}

private func entry(
  _ name: String = "a", dtype: String = "F32", shape: String = "[2]", offsets: String = "[0,8]"
) -> String { #""\#(name)":{"dtype":"\#(dtype)","shape":\#(shape),"data_offsets":\#(offsets)}"# }

@Suite struct SafetensorsFileTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test func readsPythonFiles() throws {
    let file = try WeightFile(path: golden("plain.safetensors"))
    #expect(file.format == .safetensors)
    #expect(file.metadata == ["made by": "safetensors"])
    #expect(file.tensors.count == 12)
    #expect(try file["f32"]?.floats() == [1, 2, 3, 4, 5, 6])
    #expect(try file["f16"]?.floats() == [2, 3, 4, 5, 6])
    #expect(try file["bf16"]?.floats() == [3, 4, 5, 6, 7])
    #expect(try file["f64"]?.floats() == [4, 5, 6])
    #expect(try file["i64"]?.floats() == [5])
    #expect(try file["scalar"]?.floats() == [7])
    #expect(file["scalar"]?.shape == [])
    #expect(file["empty"]?.shape == [2, 0, 3])
    #expect(try file["empty"]?.floats() == [])
    #expect(file["absent"] == nil)
  }

  @Test(arguments: [
    "{\(entry())}",
    "{\(entry())}   \n",
    "{ \"a\" : { \"shape\" : [ 2 ] , \"data_offsets\" : [ 0 , 8 ] , \"dtype\" : \"F32\" } }",
    "{\(entry("b", shape: "[1]", offsets: "[4,8]")),\(entry(shape: "[1]", offsets: "[0,4]"))}",
    "{\(entry()),\(entry("e", shape: "[0]", offsets: "[8,8]"))}",
    "{\(entry("e", shape: "[7,0]", offsets: "[0,0]")),\(entry())}",
    "{\(entry(dtype: "F64", shape: "[]"))}",
    "{\(entry(dtype: "F4", shape: "[16]"))}",
    "{\(entry(shape: "[1,1,1,1,1,1,1,2]"))}",
    "{\(entry(""))}",
    "{\"__metadata__\":{},\(entry())}",
    "{\"__metadata__\":{\"k\":\"v\"},\(entry())}",
  ])
  func accepts(_ header: String) throws {
    _ = try WeightFile(path: folder.file(file(header)))
  }

  @Test func resolvesEscapes() throws {
    let header = #"{"__metadata__":{"k":"\u00e9\ud83d\ude00\n\"\\\/é"},\#(entry(#"\u0061"#))}"#
    let weights = try WeightFile(path: folder.file(file(header)))
    #expect(weights.metadata == ["k": "é😀\n\"\\/é"])
    #expect(weights.names == ["a"])
  }

  static let faults: [(String, String)] = [
    // Structure
    ("{\(entry()),}", "a string"),
    ("{\(entry())", "too early"),
    ("{\(entry())}x", "after the JSON value"),
    ("{\(entry())}{}", "after the JSON value"),
    ("{a:1}", "a string"),
    ("[]", "neither"),
    (" {\(entry())}", "neither"),
    ("{\"a\":null}", "an object"),
    ("{\"a\":" + String(repeating: "[", count: 100_000), "an object"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2]}}", "lacks"),
    ("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"strides\":[1]}}", "unknown"),
    ("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "twice"),
    ("{\(entry()),\(entry())}", "twice"),
    (
      "{\(entry(shape: "[1]", offsets: "[0,4]")),\(entry(#"\u0061"#, shape: "[1]", offsets: "[4,8]"))}",
      "twice"
    ),
    // Numbers
    ("{\(entry(offsets: "[0,8e0]"))}", "',' or ']'"),
    ("{\(entry(offsets: "[0,8.0]"))}", "',' or ']'"),
    ("{\(entry(offsets: "[-0,8]"))}", "non-negative"),
    ("{\(entry(offsets: "[-8,0]"))}", "non-negative"),
    ("{\(entry(offsets: "[+0,8]"))}", "non-negative"),
    ("{\(entry(offsets: "[0,08]"))}", "begins with 0"),
    ("{\(entry(offsets: "[0,18446744073709551624]"))}", "too large"),
    ("{\(entry(offsets: "[0,9223372036854775808]"))}", "too large"),
    ("{\(entry(offsets: "[0,8,9]"))}", "more than 2"),
    ("{\(entry(offsets: "[0]"))}", "lacks"),
    ("{\(entry(offsets: "[8,0]"))}", "data_offsets [8, 0]"),
    ("{\(entry(shape: "[\"2\"]"))}", "non-negative"),
    ("{\(entry(shape: "[true]"))}", "non-negative"),
    ("{\(entry(shape: "2"))}", "an array"),
    // Meaning
    ("{\(entry(dtype: "f32"))}", "unknown dtype"),
    ("{\(entry(dtype: "F128"))}", "unknown dtype"),
    ("{\(entry(shape: "[3]"))}", "needs 12 bytes"),
    ("{\(entry(shape: "[4611686018427387904,4]", offsets: "[0,0]"))}", "impossible shape"),
    ("{\(entry(shape: "[9223372036854775807]"))}", "impossible shape"),
    ("{\(entry(dtype: "F4", shape: "[3]", offsets: "[0,1]"))}", "impossible shape"),
    ("{\(entry(shape: "[1,1,1,1,1,1,1,1,2]"))}", "more than 8"),
    ("{\(entry(shape: "[3]", offsets: "[0,12]"))}", "ends at 12 of 8"),
    ("{\(entry(shape: "[1]", offsets: "[0,4]"))}", "4 bytes follow"),
    ("{\(entry(shape: "[1]", offsets: "[4,8]"))}", "gap"),
    ("{}", "8 bytes follow"),
    ("{\(entry()),\(entry("b"))}", "overlaps"),
    ("{\(entry()),\(entry("b", shape: "[1]", offsets: "[4,8]"))}", "overlaps"),
    ("{\(entry()),\(entry("b", shape: "[0]", offsets: "[2,2]"))}", "overlaps"),
    // Text
    ("{\"__metadata__\":{\"k\":1},\(entry())}", "a string"),
    ("{\"__metadata__\":{\"k\":null},\(entry())}", "a string"),
    ("{\"__metadata__\":[],\(entry())}", "an object"),
    ("{\"__metadata__\":{\"k\":\"\",\"k\":\"\"},\(entry())}", "twice"),
    ("{\"__metadata__\":{},\"__metadata__\":{},\(entry())}", "twice"),
    ("{\(entry("\\ud83d"))}", "surrogate"),
    ("{\(entry("\\ude00\\ud83d"))}", "surrogate"),
    ("{\(entry("\\ud83d\\u0041"))}", "surrogate"),
    ("{\(entry("\\x41"))}", "escape"),
    ("{\(entry("\\u00g0"))}", "hexadecimal"),
    ("{\(entry("\t"))}", "control character"),
    ("{\(entry("\\n\t"))}", "control character"),
  ]

  @Test(arguments: faults)
  func refuses(_ header: String, _ reason: String) throws {
    let path = try folder.file(file(header))
    let error = #expect(throws: WeightsError.self, "\(header.prefix(200))") {
      try WeightFile(path: path)
    }
    guard case .malformed(path, let found) = error else {
      Issue.record("\(header.prefix(200)): \(String(describing: error))")
      return
    }
    #expect(found.contains(reason), "\(header.prefix(200)): \(found)")
  }

  @Test(
    arguments: [
      [0xff], [0xc0, 0xaf], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82],
    ] as [[UInt8]])
  func refusesInvalidUTF8(_ sequence: [UInt8]) throws {
    let text = Array("{\(entry("?"))}".utf8)
    let mark = try #require(text.firstIndex(of: UInt8(ascii: "?")))
    let header = text[..<mark] + sequence + text[(mark + 1)...]
    let path = try folder.file(
      littleEndian(UInt64(header.count)) + header + [UInt8](repeating: 0, count: 8))
    #expect(throws: WeightsError.self) { try WeightFile(path: path) }
  }

  @Test(arguments: [0, 1, 1000, 1 << 25, 1 << 31, 1 << 63, .max, .max - 7] as [UInt64])
  func refusesAHeaderLength(_ length: UInt64) throws {
    let path = try folder.file(file("{\(entry())}", claims: length))
    #expect(throws: WeightsError.self) { try WeightFile(path: path) }
  }

  @Test func limitsAreEnforced() throws {
    let path = try folder.file(file("{\(entry())}"))
    var limits = WeightLimits()
    limits.tensors = 0
    #expect(throws: WeightsError.self) { try WeightFile(path: path, limits: limits) }
    limits = WeightLimits()
    limits.headerBytes = 10
    #expect(throws: WeightsError.self) { try WeightFile(path: path, limits: limits) }
    limits = WeightLimits()
    limits.rank = 0
    #expect(throws: WeightsError.self) { try WeightFile(path: path, limits: limits) }
  }

  @Test func everyTruncationIsAnError() throws {
    let whole = try bytes(ofFile: golden("plain.safetensors"))
    let path = try folder.file(whole)
    for length in (0..<whole.count).reversed() {
      try #require(truncate(path, length) == 0)
      #expect(throws: WeightsError.self, "\(length) bytes") { try WeightFile(path: path) }
    }
  }
}
