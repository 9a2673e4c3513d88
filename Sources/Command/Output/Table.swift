/// Rows under titled columns, printed as aligned text, CSV or Markdown.
struct Table {
  /// The value in one row and column.
  enum Cell {
    case text(String)
    case integer(Int)
    /// Rounded to `decimals` for people, exact for programs.
    case number(Double, decimals: Int)
    /// `text` for people, `plain` for programs.
    case shown(String, plain: String)
    case empty
  }

  struct Column {
    let title: String
    let isNumeric: Bool
    /// The heading in text output, where the title that programs read would be too long.
    let heading: String

    static func text(_ title: String) -> Column {
      Column(title: title, isNumeric: false, heading: title)
    }

    static func number(_ title: String, heading: String? = nil) -> Column {
      Column(title: title, isNumeric: true, heading: heading ?? title)
    }
  }

  let columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column], rows: [[Cell]] = []) {
    self.columns = columns
    self.rows = rows
  }

  /// Columns padded to their widest cell, two spaces apart.
  var text: String {
    let lines = [columns.map(\.heading)] + rows.map { $0.map(\.readable) }
    let widths = columns.indices.map { column in
      lines.map { $0[column].count }.max() ?? 0
    }
    return lines.map { line in
      var shown = ""
      for (column, cell) in line.enumerated() {
        let blanks = String(repeating: " ", count: widths[column] - cell.count)
        shown += column == 0 ? "" : "  "
        shown += columns[column].isNumeric ? blanks + cell : cell + blanks
      }
      while shown.last == " " { shown.removeLast() }
      return shown + "\n"
    }.joined()
  }

  /// RFC 4180, but with bare line feeds.
  var csv: String { csvHead + rows.map(Self.csvRow).joined() }

  /// GitHub-flavoured Markdown.
  var markdown: String { markdownHead + rows.map(Self.markdownRow).joined() }

  var csvHead: String { Self.csvRow(columns.map { .text($0.title) }) }

  static func csvRow(_ cells: [Cell]) -> String {
    cells.map(\.plain).map { cell in
      let needsQuotes = cell.unicodeScalars.contains {
        $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r"
      }
      return needsQuotes ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
    }.joined(separator: ",") + "\n"
  }

  var markdownHead: String {
    Self.markdownRow(columns.map { .text($0.title) })
      + "|" + columns.map { $0.isNumeric ? "---:|" : "---|" }.joined() + "\n"
  }

  static func markdownRow(_ cells: [Cell]) -> String {
    "|"
      + cells.map { cell in
        let escaped = cell.readable.replacing("\\", with: "\\\\").replacing("|", with: "\\|")
        // Renderers collapse consecutive spaces.
        return " \(escaped.replacing("  ", with: "\u{A0}\u{A0}")) |"
      }.joined() + "\n"
  }
}

extension Table.Cell {
  fileprivate var readable: String {
    switch self {
    case .text(let text): text.terminalSafe()
    case .integer(let value): NumberText.grouped(value)
    case .number(let value, let decimals): NumberText.fixed(value, decimals)
    case .shown(let text, plain: _): text.terminalSafe()
    case .empty: ""
    }
  }

  fileprivate var plain: String {
    switch self {
    case .text(let text): text
    case .integer(let value): "\(value)"
    case .number(let value, _): value.isFinite ? "\(value)" : ""
    case .shown(_, let plain): plain
    case .empty: ""
    }
  }
}

/// Human-readable numbers.
enum NumberText {
  /// `value` with `digits` decimals, rounded half away from zero; "–" if it is not finite.
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

  /// `value` with a thousands separator: `1,234,567`.
  static func grouped(_ value: Int) -> String {
    var text = String(value.magnitude)
    var position = text.count - 3
    while position > 0 {
      text.insert(",", at: text.index(text.startIndex, offsetBy: position))
      position -= 3
    }
    return value < 0 ? "-" + text : text
  }

  /// `count` and `noun` in the singular or plural: `1 image`, `2,000 images`.
  static func count(_ count: Int, _ noun: String, plural: String? = nil) -> String {
    "\(grouped(count)) \(count == 1 ? noun : plural ?? noun + "s")"
  }

  /// A byte count in binary units.
  static func bytes(_ value: Int) -> String {
    value < 1 << 20
      ? "\(fixed(Double(value) / 1024, 1)) KiB" : "\(fixed(Double(value) / 1_048_576, 1)) MiB"
  }
}
