/// Numbers as people read them.
enum NumberText {
  /// `value` with `digits` decimals, rounded half away from zero; "–" where it is not finite.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    var power = 1.0
    for _ in 0..<digits { power *= 10 }
    let scaled = (value.magnitude * power).rounded()
    guard scaled < 0x1p53 else { return value.isFinite ? "\(value)" : "–" }
    var text = String(Int(scaled))
    if digits > 0 {
      text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
      text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
    }
    return value < 0 && scaled > 0 ? "-" + text : text
  }

  /// `value` with a comma after every three digits.
  static func grouped(_ value: Int) -> String {
    var text = String(value.magnitude)
    var position = text.count - 3
    while position > 0 {
      text.insert(",", at: text.index(text.startIndex, offsetBy: position))
      position -= 3
    }
    return value < 0 ? "-" + text : text
  }

  /// A count of bytes in binary units.
  static func bytes(_ value: Int) -> String {
    value < 1 << 20
      ? "\(fixed(Double(value) / 1024, 1)) KiB" : "\(fixed(Double(value) / 1_048_576, 1)) MiB"
  }
}
