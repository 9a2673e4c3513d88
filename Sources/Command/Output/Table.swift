/// Rows under titled columns, to be shown as aligned text, CSV or Markdown.
struct Table {
  /// A value of one row and column.
  enum Cell {
    case text(String)
    case integer(Int)
    /// Shown to people with so many decimals, to programs as it is.
    case number(Double, decimals: Int)
    /// Shown to people in one way, to programs in another.
    case shown(String, plain: String)
    case empty
  }

  struct Column {
    let title: String
    let isNumeric: Bool
    /// What stands above the column in text, where the title is long for a program's sake.
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

  /// Columns padded to their widest cell, two blanks apart.
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

  /// RFC 4180 with line feeds.
  var csv: String { csvHead + rows.map(Self.csvRow).joined() }

  /// GitHub's tables.
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
        // Where Markdown is shown, blanks in a row become one.
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
