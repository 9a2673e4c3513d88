import Foundation

/// Recorded results in tab-separated files.
package enum GoldenTable {
  /// The fields of each line of `Goldens/NAME` beside the calling file.
  ///
  /// A file that cannot be read ends the test run: without rows, parameterised tests would pass.
  package static func rows(_ name: String, beside file: String = #filePath) -> [[String]] {
    let path = URL(filePath: file).deletingLastPathComponent().appending(path: "Goldens/\(name)")
    guard let text = try? String(contentsOf: path, encoding: .utf8), !text.isEmpty else {
      fatalError("\(path.path) cannot be read or is empty")
    }
    return text.split(separator: "\n").map { line in
      line.split(separator: "\t", omittingEmptySubsequences: false).map(String.init)
    }
  }

  /// The rows as values; a malformed one ends the test run.
  package static func rows<Row>(
    _ name: String, beside file: String = #filePath, as parse: ([String]) -> Row?
  ) -> [Row] {
    rows(name, beside: file).enumerated().map { index, fields in
      guard let row = parse(fields) else {
        fatalError("\(name), line \(index + 1): malformed: \(fields)")
      }
      return row
    }
  }
}
