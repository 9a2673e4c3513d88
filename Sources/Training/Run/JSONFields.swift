import Weights

/// A member of a JSON object that is missing, of the wrong type, out of range or unknown.
struct JSONFault: Error, CustomStringConvertible {
  let description: String

  init(_ description: String) { self.description = description }
}

// Each takes a member out of an object, so that what remains is unknown.
extension [String: JSONValue] {
  mutating func value(_ key: String) throws(JSONFault) -> JSONValue {
    guard let value = removeValue(forKey: key) else { throw JSONFault("\(key) is missing") }
    return value
  }

  mutating func text(_ key: String) throws(JSONFault) -> String {
    guard let text = try value(key).text else { throw JSONFault("\(key) is not a text") }
    return text
  }

  mutating func object(_ key: String) throws(JSONFault) -> [String: JSONValue] {
    guard let members = try value(key).members else { throw JSONFault("\(key) is not an object") }
    return members
  }

  mutating func integer(_ key: String, _ range: ClosedRange<Int>) throws(JSONFault) -> Int {
    try value(key).integer(key, range)
  }

  mutating func number(_ key: String) throws(JSONFault) -> Double {
    guard let number = try value(key).number else { throw JSONFault("\(key) is not a number") }
    return number
  }

  func requireEmpty() throws(JSONFault) {
    if let key = keys.min() { throw JSONFault("\(key) is unknown") }
  }
}

extension JSONValue {
  /// This value as an integer; `name` is for the error.
  func integer(_ name: String, _ range: ClosedRange<Int>) throws(JSONFault) -> Int {
    guard let number, let value = Int(exactly: number), range.contains(value) else {
      throw JSONFault("\(name) is not an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }
}
