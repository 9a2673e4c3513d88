import ArgumentParser

/// The forms in which every command gives its results.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  /// For people.
  case text
  /// One document.
  case json
  /// One record a line, each below 4096 bytes.
  case jsonl
  case csv
  case markdown
}

/// The `--format` of every command.
struct FormatOption: ParsableArguments {
  @Option(help: "How results are written.")
  var format = OutputFormat.text
}

/// Results that are known as a whole before any is written.
package struct Report {
  /// The document of `json`, without its schema.
  var document: JSON.Object
  /// The records of `jsonl`, without their schema.
  var records: [JSON.Object]
  /// The rows of the other formats.
  var table: Table
  /// What is said to people below the table.
  var notes: [String] = []
  /// What people see in place of `table`, where that is more than one.
  var textTables: [Table]?

  /// Writes the results to standard output.
  func write(as format: OutputFormat) throws(OutputError) {
    switch format {
    case .text:
      let notes = notes.map { $0.terminalSafe() + "\n" }.joined()
      let tables = (textTables ?? [table]).map(\.text)
      try StandardOutput.write(
        (tables + (notes.isEmpty ? [] : [notes])).joined(separator: "\n"))
    case .json: try StandardOutput.write("\(JSON.object(.schema + document))\n")
    case .jsonl:
      for record in records {
        try StandardOutput.write("\(JSON.object(.schema + record))\n")
      }
    case .csv: try StandardOutput.write(table.csv)
    case .markdown: try StandardOutput.write(table.markdown)
    }
  }
}
