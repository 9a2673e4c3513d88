import ArgumentParser
import CNNZoo
import Glibc

/// The output formats of every command.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  /// For people.
  case text
  /// One document.
  case json
  /// One JSON record per line.
  case jsonl
  case csv
  case markdown
}

/// The `--format` of every command.
struct FormatOption: ParsableArguments {
  @Option(help: "Output format.")
  var format = OutputFormat.text
}

extension JSON.Object {
  /// The first member of every document and record: the version of its layout.
  static var schema: JSON.Object { ["schema": .integer(1)] }
}

/// The `--quiet` of commands that may take a long time.
struct QuietOption: ParsableArguments {
  @Flag(name: .shortAndLong, help: "Print only errors: no progress, warnings or summary.")
  var quiet = false

  /// Takes effect before the command runs.
  func validate() { Diagnostics.isQuiet = quiet }
}

/// Results that are written only when complete.
package struct Report {
  /// The `json` document, without its schema.
  var document: JSON.Object
  /// The `jsonl` records, without their schema.
  var records: [JSON.Object]
  /// The rows of the other formats.
  var table: Table
  /// Lines below the table in text output.
  var notes: [String] = []
  /// Several tables that replace `table` in text output.
  var textTables: [Table]?

  /// Writes the results to standard output.
  func write(as format: OutputFormat) throws(OutputError) {
    switch format {
    case .text:
      let width = Terminal.width(of: STDOUT_FILENO)
      let notes = notes.map { $0.terminalSafe().wrapped(to: width) + "\n" }.joined()
      let tables = (textTables ?? [table]).map { $0.text(width: width) }
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
