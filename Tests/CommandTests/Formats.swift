import Foundation
import Testing

/// The records of RFC 4180 text, lines ending in a line feed.
///
/// - Throws: `CSVError` where quotes are misplaced or the last line does not end.
func csvRecords(_ text: String) throws -> [[String]] {
  var records: [[String]] = []
  var record: [String] = []
  var rest = text[...]
  while !rest.isEmpty {
    var field = ""
    if rest.first == "\"" {
      rest.removeFirst()
      while true {
        guard let quote = rest.firstIndex(of: "\"") else { throw CSVError.openQuote }
        field += rest[..<quote]
        rest = rest[rest.index(after: quote)...]
        guard rest.first == "\"" else { break }
        field += "\""
        rest.removeFirst()
      }
    } else {
      field = String(rest.prefix { $0 != "," && $0 != "\n" })
      rest = rest.dropFirst(field.count)
      guard !field.contains("\"") else { throw CSVError.strayQuote(field) }
    }
    record.append(field)
    guard let end = rest.popFirst(), end == "," || end == "\n" else { throw CSVError.noEnd(field) }
    if end == "\n" {
      records.append(record)
      record = []
    } else if rest.isEmpty {
      throw CSVError.noEnd(field)
    }
  }
  return records
}

enum CSVError: Error, Equatable {
  case openQuote
  case strayQuote(String)
  case noEnd(String)
}

/// The cells of a Markdown table, without the line below its header.
func markdownCells(_ lines: [Substring]) throws -> [[String]] {
  let rows = try lines.map { line in
    try #require(line.hasPrefix("| ") || line.hasPrefix("|--") || line.hasPrefix("|:"), "\(line)")
    try #require(line.hasSuffix("|"), "\(line)")
    return line.dropFirst().dropLast().replacing("\\|", with: "\u{0}").split(
      separator: "|", omittingEmptySubsequences: false
    ).map { $0.replacing("\u{0}", with: "|").trimmingCharacters(in: .whitespaces) }
  }
  try #require(rows.count > 1 && rows[1].allSatisfy { $0.wholeMatch(of: /:?-+:?/) != nil })
  return [rows[0]] + rows[2...]
}

/// Expects exit status 64, no results, and `text` in the first line of the message.
func expectUsageError(
  _ outcome: Tool.Outcome, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.status == 64, "\(outcome.errors)", sourceLocation: sourceLocation)
  #expect(outcome.output.isEmpty, sourceLocation: sourceLocation)
  let line = outcome.errors.prefix { $0 != "\n" }
  #expect(line.contains(text), "\(line)", sourceLocation: sourceLocation)
}

/// The helpers above reject what they are meant to reject.
struct FormatTests {
  @Test func quotedFields() throws {
    #expect(
      try csvRecords("a,\"b, \"\"c\"\"\"\n\"x\ny\",\n") == [["a", "b, \"c\""], ["x\ny", ""]])
  }

  @Test(arguments: ["a,\"b\n", "a\"b,c\n", "a,b", "\"a\"b\n", "a,"])
  func malformedCSV(text: String) {
    #expect(throws: CSVError.self) { try csvRecords(text) }
  }
}
