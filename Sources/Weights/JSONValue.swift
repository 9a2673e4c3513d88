/// A parsed JSON value, for small files that describe weights.
package enum JSONValue: Equatable, Sendable {
  case null
  case bool(Bool)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  /// A member of an object; `nil` if absent or null.
  package subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self, let value = members[key], value != .null else {
      return nil
    }
    return value
  }

  package var text: String? {
    if case .string(let text) = self { text } else { nil }
  }

  package var number: Double? {
    if case .number(let number) = self { number } else { nil }
  }

  package var elements: [JSONValue]? {
    if case .array(let elements) = self { elements } else { nil }
  }

  package var members: [String: JSONValue]? {
    if case .object(let members) = self { members } else { nil }
  }
}

extension JSONValue {
  private static let longestFile = 16 << 20
  private static let deepest = 64

  /// Reads a file that contains one JSON value.
  ///
  /// - Throws: `WeightsError.unreadable`, and `.malformed` with the byte where the file stops being
  ///   valid, is too long or is nested too deeply.
  package init(contentsOf path: String) throws(WeightsError) {
    let file = try MappedFile(path: path)
    guard file.count <= Self.longestFile else {
      throw .malformed(
        path: path, reason: "the file has \(file.count) bytes, more than \(Self.longestFile)")
    }
    try self.init(file, range: 0..<file.count)
  }

  /// Reads the only JSON value in `bytes`, which came from `path`.
  ///
  /// - Throws: `WeightsError.malformed`, as `init(contentsOf:)` does.
  package init(_ bytes: [UInt8], path: String) throws(WeightsError) {
    let file = try MappedFile(bytes: bytes, path: path)
    try self.init(file, range: 0..<file.count)
  }

  /// Reads the only JSON value in a range of a file.
  ///
  /// - Throws: `WeightsError.malformed`, as `init(contentsOf:)` does.
  package init(_ file: MappedFile, range: Range<Int>) throws(WeightsError) {
    var json = StrictJSON(ByteReader(file, range: range))
    self = try json.value(depth: Self.deepest)
    try json.end()
  }

  /// Reads a file that contains one JSON value after the other, such as lines of JSON.
  ///
  /// - Parameter limit: The largest size of the file in bytes.
  /// - Throws: As `init(contentsOf:)`.
  package static func values(in path: String, limit: Int) throws(WeightsError) -> [JSONValue] {
    let file = try MappedFile(path: path)
    guard file.count <= limit else {
      throw .malformed(path: path, reason: "the file has \(file.count) bytes, more than \(limit)")
    }
    var json = StrictJSON(ByteReader(file))
    var values: [JSONValue] = []
    json.skipSpace()
    while json.reader.remaining > 0 {
      values.append(try json.value(depth: deepest))
      json.skipSpace()
    }
    return values
  }
}

extension StrictJSON {
  /// Reads any value, with arrays and objects nested up to `depth` deep.
  fileprivate mutating func value(depth: Int) throws(WeightsError) -> JSONValue {
    skipSpace()
    guard depth > 0 else { throw reader.malformed("values are nested too deeply") }
    switch reader.peek {
    case UInt8(ascii: "{"):
      var members: [String: JSONValue] = [:]
      try object { (json, key, offset) throws(WeightsError) in
        let value = try json.value(depth: depth - 1)
        guard members.updateValue(value, forKey: key) == nil else {
          throw json.reader.malformed("a key appears twice", at: offset)
        }
      }
      return .object(members)
    case UInt8(ascii: "["):
      try expect(UInt8(ascii: "["), "an array")
      var elements: [JSONValue] = []
      if takes(UInt8(ascii: "]")) { return .array(elements) }
      repeat { elements.append(try value(depth: depth - 1)) } while takes(UInt8(ascii: ","))
      try expect(UInt8(ascii: "]"), "',' or ']'")
      return .array(elements)
    case UInt8(ascii: "\""): return .string(try string())
    case UInt8(ascii: "t") where reader.takes("true".utf8): return .bool(true)
    case UInt8(ascii: "f") where reader.takes("false".utf8): return .bool(false)
    case UInt8(ascii: "n") where reader.takes("null".utf8): return .null
    default: return .number(try number())
    }
  }

  /// RFC 8259, section 6; the number must be followed by a separator or the end.
  private mutating func number() throws(WeightsError) -> Double {
    let start = reader.offset
    var text = ""
    while let byte = reader.peek, "+-.0123456789eE".utf8.contains(byte), text.utf8.count < 64 {
      text.unicodeScalars.append(Unicode.Scalar(byte))
      reader.advance()
    }
    let digits = text.hasPrefix("-") ? text.dropFirst() : text[...]
    let hasLeadingZero = digits.hasPrefix("0") && digits.dropFirst().first?.isNumber == true
    guard digits.first?.isNumber == true, digits.last?.isNumber == true, !hasLeadingZero,
      !digits.contains(".e"), !digits.contains(".E"), let value = Double(text), value.isFinite
    else { throw reader.malformed("expected a value", at: start) }
    return value
  }
}
