/// A strict reader of the JSON (RFC 8259) in a safetensors header.
///
/// The caller asks for the value it expects next, so there is no tree and no recursion, and a value
/// of another type is an error at its byte. Integers are digits only: signs, fractions and
/// exponents are rejected, as are numbers that do not fit `Int`.
struct StrictJSON {
  var reader: ByteReader

  init(_ reader: ByteReader) { self.reader = reader }

  /// Reads an object, calling `member` once per key; `member` must consume the value.
  mutating func object(
    _ member: (inout StrictJSON, _ key: String, _ keyOffset: Int) throws(WeightsError) -> Void
  ) throws(WeightsError) {
    try expect(UInt8(ascii: "{"), "an object")
    if takes(UInt8(ascii: "}")) { return }
    repeat {
      skipSpace()
      let start = reader.offset
      let key = try string()
      try expect(UInt8(ascii: ":"), "':'")
      try member(&self, key, start)
    } while takes(UInt8(ascii: ","))
    try expect(UInt8(ascii: "}"), "',' or '}'")
  }

  /// Reads an array of at most `limit` non-negative integers.
  mutating func integers(limit: Int, _ what: String) throws(WeightsError) -> [Int] {
    try expect(UInt8(ascii: "["), "an array")
    var values: [Int] = []
    if takes(UInt8(ascii: "]")) { return values }
    repeat {
      guard values.count < limit else {
        throw reader.malformed("\(what) has more than \(limit) numbers")
      }
      values.append(try integer())
    } while takes(UInt8(ascii: ","))
    try expect(UInt8(ascii: "]"), "',' or ']'")
    return values
  }

  /// Reads a string and resolves its escapes.
  mutating func string() throws(WeightsError) -> String {
    try expect(UInt8(ascii: "\""), "a string")
    let start = reader.offset
    var plain = 0
    while let byte = reader.peek {
      if byte == UInt8(ascii: "\"") {
        defer { _ = takes(UInt8(ascii: "\"")) }
        return try rereading(from: start, length: plain)
      }
      if byte == UInt8(ascii: "\\") { return try escapedString(from: start, plain: plain) }
      guard byte >= 0x20 else { throw reader.malformed("a control character inside a string") }
      reader.advance()
      plain += 1
    }
    throw reader.endOfData
  }

  /// Throws if anything but whitespace follows.
  mutating func end() throws(WeightsError) {
    skipSpace()
    guard reader.remaining == 0 else {
      throw reader.malformed("unexpected data after the JSON value")
    }
  }

  private func rereading(from start: Int, length: Int) throws(WeightsError) -> String {
    var span = ByteReader(reader.file, range: start..<start + length)
    return try span.string(length)
  }

  private mutating func escapedString(
    from start: Int, plain: Int
  ) throws(WeightsError) -> String {
    var text = Array(try rereading(from: start, length: plain).utf8)
    while true {
      let byte = try reader.byte()
      switch byte {
      case UInt8(ascii: "\""):
        guard let string = String(validating: text, as: UTF8.self) else {
          throw reader.malformed("text is not UTF-8", at: start)
        }
        return string
      case UInt8(ascii: "\\"): try appendEscape(to: &text)
      case 0..<0x20: throw reader.malformed("a control character inside a string")
      default: text.append(byte)
      }
    }
  }

  private mutating func appendEscape(to text: inout [UInt8]) throws(WeightsError) {
    let start = reader.offset
    let byte = try reader.byte()
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
    case UInt8(ascii: "b"): text.append(0x08)
    case UInt8(ascii: "f"): text.append(0x0c)
    case UInt8(ascii: "n"): text.append(0x0a)
    case UInt8(ascii: "r"): text.append(0x0d)
    case UInt8(ascii: "t"): text.append(0x09)
    case UInt8(ascii: "u"):
      var value = try hexadecimal()
      if 0xd800..<0xdc00 ~= value {
        // Characters beyond the basic plane are written as two escapes, a surrogate pair.
        guard reader.takes("\\u".utf8) else {
          throw reader.malformed("half a surrogate pair", at: start)
        }
        let low = try hexadecimal()
        guard 0xdc00..<0xe000 ~= low else {
          throw reader.malformed("half a surrogate pair", at: start)
        }
        value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(value) else {
        throw reader.malformed("half a surrogate pair", at: start)
      }
      text.append(contentsOf: Character(scalar).utf8)
    default: throw reader.malformed("an unknown escape", at: start)
    }
  }

  private mutating func hexadecimal() throws(WeightsError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      let start = reader.offset
      guard let digit = Character(Unicode.Scalar(try reader.byte())).hexDigitValue else {
        throw reader.malformed("not a hexadecimal digit", at: start)
      }
      value = value << 4 | UInt32(digit)
    }
    return value
  }

  private mutating func integer() throws(WeightsError) -> Int {
    skipSpace()
    let start = reader.offset
    var value = 0
    var digits = 0
    while let byte = reader.peek, UInt8(ascii: "0")...UInt8(ascii: "9") ~= byte {
      guard let tenfold = checkedProduct(value, 10),
        case let digit = Int(byte - UInt8(ascii: "0")),
        checkedRange(at: tenfold, length: digit, within: .max) != nil
      else { throw reader.malformed("a number is too large", at: start) }
      value = tenfold + digit
      digits += 1
      reader.advance()
    }
    guard digits > 0 else { throw reader.malformed("expected a non-negative integer", at: start) }
    guard digits == 1 || reader.file.bytes[start] != UInt8(ascii: "0") else {
      throw reader.malformed("a number begins with 0", at: start)
    }
    // A separator must follow: `1.0` and `1e2` fail at the '.' or the 'e'.
    return value
  }

  mutating func skipSpace() {
    while let byte = reader.peek, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
      reader.advance()
    }
  }

  mutating func takes(_ byte: UInt8) -> Bool {
    skipSpace()
    guard reader.peek == byte else { return false }
    reader.advance()
    return true
  }

  mutating func expect(_ byte: UInt8, _ what: String) throws(WeightsError) {
    guard takes(byte) else {
      throw reader.remaining == 0 ? reader.endOfData : reader.malformed("expected \(what)")
    }
  }
}
