/// Rows under titled columns, printed as aligned text, CSV or Markdown.
struct Table {
  /// The value in one row and column.
  enum Cell {
    case text(String)
    case integer(Int)
    /// Rounded to `decimals` for people, exact for programs.
    case number(Double, decimals: Int)
    /// With the precision of `Float`.
    case float(Float)
    /// `text` for people, `plain` for programs.
    case shown(String, plain: String)
    case empty
  }

  struct Column {
    let title: String
    let isNumeric: Bool
    /// The heading in text output, if the title that programs read is too long.
    let heading: String
    /// Optional columns are hidden on narrow terminals, the least important first; others stay.
    private(set) var importance: Int?
    /// Whether texts may be shortened in the middle on narrow terminals.
    private(set) var canShorten = false

    static func text(_ title: String, heading: String? = nil) -> Column {
      Column(title: title, isNumeric: false, heading: heading ?? title)
    }

    static func number(_ title: String, heading: String? = nil) -> Column {
      Column(title: title, isNumeric: true, heading: heading ?? title)
    }

    /// The same column, hidden on narrow terminals after all less important ones.
    func optional(_ importance: Int) -> Column {
      var column = self
      column.importance = importance
      return column
    }

    /// The same column, shortened on narrow terminals.
    var shortened: Column {
      var column = self
      column.canShorten = true
      return column
    }
  }

  let columns: [Column]
  var rows: [[Cell]] = []

  init(_ columns: [Column], rows: [[Cell]] = []) {
    self.columns = columns
    self.rows = rows
  }

  /// Aligned columns, two spaces apart.
  ///
  /// - Parameter width: Columns of the terminal, if any. In a wider table, optional columns are
  ///   hidden, with a note in the last line, and long texts are shortened in the middle.
  func text(width: Int? = nil) -> String {
    let lines = [columns.map(\.heading)] + rows.map { $0.map(\.readable) }
    var widths = columns.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
    var shown = Array(columns.indices)
    let available = width ?? .max
    func excess() -> Int { shown.reduce(-2) { $0 + widths[$1] + 2 } - available }
    func shorten(to minimum: Int) {
      while excess() > 0,
        let widest = shown.filter({ columns[$0].canShorten && widths[$0] > minimum })
          .max(by: { widths[$0] < widths[$1] })
      {
        widths[widest] = max(minimum, widths[widest] - excess())
      }
    }
    shorten(to: Self.readableText)
    while excess() > 0,
      let least = shown.filter({ columns[$0].importance != nil })
        .min(by: { (columns[$0].importance ?? 0, -$0) < (columns[$1].importance ?? 0, -$1) })
    {
      shown.removeAll { $0 == least }
    }
    shorten(to: Self.narrowestText)
    let text = lines.map { line in
      let cells = shown.map { Self.aligned(line[$0], to: widths[$0], columns[$0].isNumeric) }
      return cells.joined(separator: "  ").trimmingTrailingSpaces + "\n"
    }.joined()
    let hidden = columns.indices.filter { !shown.contains($0) }.map { columns[$0].heading }
    return hidden.isEmpty
      ? text : text + "(not shown: \(hidden.joined(separator: ", ")))".wrapped(to: width) + "\n"
  }

  /// Optional columns are hidden before texts are shortened below this.
  private static let readableText = 28
  private static let narrowestText = 12

  private static func aligned(_ cell: String, to width: Int, _ isNumeric: Bool) -> String {
    guard cell.count <= width else {
      let end = (width - 1) / 2
      return "\(cell.prefix(width - 1 - end))…\(cell.suffix(end))"
    }
    let spaces = String(repeating: " ", count: width - cell.count)
    return isNumeric ? spaces + cell : cell + spaces
  }

  /// RFC 4180, but with LF line endings.
  var csv: String { csvHead + Self.csvRows(rows) }

  /// GitHub-flavoured Markdown.
  var markdown: String { markdownHead + Self.markdownRows(rows) }

  var csvHead: String { Self.csvRows([columns.map { .text($0.title) }]) }

  static func csvRows(_ rows: [[Cell]]) -> String { rows.map(csvRow).joined() }

  private static func csvRow(_ cells: [Cell]) -> String {
    cells.map(\.plain).map { cell in
      let needsQuotes = cell.unicodeScalars.contains {
        $0 == "," || $0 == "\"" || $0 == "\n" || $0 == "\r"
      }
      return needsQuotes ? "\"\(cell.replacing("\"", with: "\"\""))\"" : cell
    }.joined(separator: ",") + "\n"
  }

  var markdownHead: String {
    Self.markdownRows([columns.map { .text($0.title) }])
      + "|" + columns.map { $0.isNumeric ? "---:|" : "---|" }.joined() + "\n"
  }

  static func markdownRows(_ rows: [[Cell]]) -> String { rows.map(markdownRow).joined() }

  private static func markdownRow(_ cells: [Cell]) -> String {
    "|"
      + cells.map { cell in
        let escaped = cell.readable.replacing("\\", with: "\\\\").replacing("|", with: "\\|")
        // Renderers collapse consecutive spaces.
        return " \(escaped.replacing("  ", with: "\u{A0}\u{A0}")) |"
      }.joined() + "\n"
  }
}

extension String {
  /// The text, broken at spaces into lines of at most `width` characters where possible.
  func wrapped(to width: Int?) -> String {
    guard let width, count > width else { return self }
    var lines: [String] = []
    for word in split(separator: " ", omittingEmptySubsequences: false) {
      if let line = lines.last, line.count + 1 + word.count <= width {
        lines[lines.count - 1] = line + " " + word
      } else {
        lines.append(lines.isEmpty ? String(word) : "  " + word)
      }
    }
    return lines.joined(separator: "\n")
  }

  fileprivate var trimmingTrailingSpaces: String {
    String(self[..<(lastIndex { $0 != " " }.map(index(after:)) ?? startIndex)])
  }
}

extension Table.Cell {
  fileprivate var readable: String {
    switch self {
    case .text(let text): text.terminalSafe()
    case .integer(let value): NumberText.grouped(value)
    case .number(let value, let decimals): NumberText.fixed(value, decimals)
    case .float(let value): "\(value)"
    case .shown(let text, plain: _): text.terminalSafe()
    case .empty: ""
    }
  }

  fileprivate var plain: String {
    switch self {
    case .text(let text): text
    case .integer(let value): "\(value)"
    case .number(let value, _): value.isFinite ? "\(value)" : ""
    case .float(let value): value.isFinite ? "\(value)" : ""
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
