/// Builds an SVG 1.1 file shape by shape.
///
/// Colours are style sheet classes, so that they follow the viewer's light or dark scheme.
package struct SVGDrawing {
  /// The part of the text that is placed at its coordinates.
  package enum Anchor: String {
    case start, middle, end
  }

  private var parts = ""

  package init() {}

  package mutating func text(
    _ text: String, x: Double, y: Double, style: String, anchor: Anchor = .start
  ) {
    let attribute = anchor == .start ? "" : " text-anchor=\"\(anchor.rawValue)\""
    parts +=
      "<text x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" class=\"\(style)\"\(attribute)>"
      + "\(Self.escaped(text))</text>\n"
  }

  package mutating func line(
    from start: (x: Double, y: Double), to end: (x: Double, y: Double), style: String
  ) {
    parts +=
      "<path d=\"M\(Self.point(start.x, start.y))L\(Self.point(end.x, end.y))\""
      + " class=\"\(style)\"/>\n"
  }

  package mutating func circle(x: Double, y: Double, radius: Double, style: String) {
    parts +=
      "<circle cx=\"\(Self.number(x))\" cy=\"\(Self.number(y))\" r=\"\(Self.number(radius))\""
      + " class=\"\(style)\"/>\n"
  }

  package mutating func rectangle(
    x: Double, y: Double, width: Double, height: Double, style: String
  ) {
    parts +=
      "<rect x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(max(0, width)))\""
      + " height=\"\(Self.number(max(0, height)))\" class=\"\(style)\"/>\n"
  }

  /// A polyline.
  package mutating func path(_ points: [(x: Double, y: Double)], style: String) {
    let steps = points.map { Self.point($0.x, $0.y) }.joined(separator: "L")
    parts += "<path d=\"M\(steps)\" class=\"\(style)\"/>\n"
  }

  /// A PNG image.
  package mutating func image(
    _ png: [UInt8], x: Double, y: Double, width: Double, height: Double
  ) {
    parts +=
      "<image x=\"\(Self.number(x))\" y=\"\(Self.number(y))\" width=\"\(Self.number(width))\""
      + " height=\"\(Self.number(height))\" xmlns:xlink=\"http://www.w3.org/1999/xlink\""
      + " xlink:href=\"data:image/png;base64,\(Self.base64(png))\"/>\n"
  }

  /// The rules that every plot needs: paper, text and lines.
  private static let commonRules = """
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    .paper { fill: #ffffff; }
    .title { font-size: 17px; font-weight: 600; fill: #1b1f24; }
    .strong { font-weight: 600; fill: #1b1f24; }
    .name { fill: #1b1f24; }
    .quiet { fill: #656d76; font-size: 11px; }
    .grid { stroke: #e4e7eb; stroke-width: 1; fill: none; }
    .ground, .frame { stroke: #b6bcc4; stroke-width: 1; fill: none; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #14171c; }
      .title, .strong, .name { fill: #e6e9ed; }
      .quiet { fill: #9aa3ad; }
      .grid { stroke: #2a2f37; }
      .ground, .frame { stroke: #4b535d; }
    }
    """

  /// The whole file.
  ///
  /// - Parameter styleSheet: Rules besides those for `paper`, `title`, `strong`, `name`, `quiet`, `grid`,
  ///   `ground` and `frame`.
  package func document(
    width: Double, height: Double, title: String, styleSheet: String
  ) -> String {
    let size = "\(Self.number(width)) \(Self.number(height))"
    return """
      <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(size)" \
      width="\(Self.number(width))" height="\(Self.number(height))" role="img">
      <title>\(Self.escaped(title))</title>
      <style>
      \(Self.commonRules)
      \(styleSheet)
      </style>
      <rect width="100%" height="100%" class="paper"/>
      \(parts)</svg>

      """
  }

  private static func point(_ x: Double, _ y: Double) -> String { "\(number(x)) \(number(y))" }

  /// RFC 4648.
  package static func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    for first in stride(from: 0, to: bytes.count, by: 3) {
      let group = bytes[first..<min(first + 3, bytes.count)]
      var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
      bits <<= UInt32(8 * (3 - group.count))
      for digit in 0..<4 {
        text.append(
          digit > group.count ? UInt8(ascii: "=") : digits[Int(bits >> (18 - 6 * digit)) & 63])
      }
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// At most two decimals; values that are not finite must not break the file.
  private static func number(_ value: Double) -> String {
    guard value.isFinite else { return "0" }
    var text = NumberText.fixed(value, 2)
    while text.last == "0" { text.removeLast() }
    if text.last == "." { text.removeLast() }
    return text
  }

  /// XML's special characters as entities; characters that XML or a terminal cannot show, by number.
  private static func escaped(_ text: String) -> String {
    text.terminalSafe().replacing("&", with: "&amp;").replacing("<", with: "&lt;")
      .replacing(">", with: "&gt;").replacing("\"", with: "&quot;")
      .replacing("\u{FFFE}", with: "?").replacing("\u{FFFF}", with: "?")
  }
}
