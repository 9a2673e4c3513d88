/// A JSON value to write.
package enum JSON {
  case null
  case bool(Bool)
  case integer(Int)
  /// Written with the fewest digits that round-trip; NaN and infinity become `null`.
  case number(Double)
  /// The same, with the precision of `Float`.
  case float(Float)
  case string(String)
  case array([JSON])
  case object(Object)

  /// Members, in the order they are written.
  package struct Object {
    package private(set) var members: [(key: String, value: JSON)]

    package init(_ members: [(key: String, value: JSON)]) {
      self.members = members
    }

    package mutating func append(_ key: String, _ value: JSON) {
      members.append((key, value))
    }
  }

  /// `text`, or null.
  package static func optional(_ text: String?) -> JSON { text.map(JSON.string) ?? .null }
}

extension JSON.Object: ExpressibleByDictionaryLiteral {
  package init(dictionaryLiteral members: (String, JSON)...) {
    self.init(members.map { (key: $0.0, value: $0.1) })
  }

  package static func + (first: JSON.Object, second: JSON.Object) -> JSON.Object {
    JSON.Object(first.members + second.members)
  }
}

extension JSON: CustomStringConvertible {
  /// The value on one line, without spaces.
  package var description: String {
    var text = ""
    write(to: &text)
    return text
  }

  private func write(to text: inout String) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .integer(let value): text += "\(value)"
    case .number(let value): text += value.isFinite ? "\(value)" : "null"
    case .float(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value): Self.quote(value, to: &text)
    case .array(let values):
      text += "["
      for (index, value) in values.enumerated() {
        if index > 0 { text += "," }
        value.write(to: &text)
      }
      text += "]"
    case .object(let object):
      text += "{"
      for (index, member) in object.members.enumerated() {
        if index > 0 { text += "," }
        Self.quote(member.key, to: &text)
        text += ":"
        member.value.write(to: &text)
      }
      text += "}"
    }
  }

  /// RFC 8259, section 7; also escapes Unicode line separators and characters that terminals act
  /// on.
  private static func quote(_ value: String, to text: inout String) {
    text += "\""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\"": text += "\\\""
      case "\\": text += "\\\\"
      case "\n": text += "\\n"
      case "\t": text += "\\t"
      case "\r": text += "\\r"
      case "\u{0}"..<"\u{20}", "\u{7F}"..<"\u{A0}", "\u{2028}", "\u{2029}":
        let digits = String(scalar.value, radix: 16)
        text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: text.unicodeScalars.append(scalar)
      }
    }
    text += "\""
  }
}
