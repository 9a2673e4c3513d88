/// Markdown whose texts come from files and folders, and show as they are.
package enum Markdown {
  /// `text` with everything escaped that Markdown, HTML or a table could take for markup.
  package static func text(_ text: String) -> String {
    var escaped = ""
    // At the beginning, these make a list, a heading or a line.
    let isList = text.starts(with: /[-+] |[0-9]+[.)] |[-+=]+$|[0-9]+[.)]$/)
    for (scalar, next) in text.terminalSafe().unicodeScalars.withNext {
      // A renderer drops and joins spaces, but not these.
      if scalar == " ", escaped.isEmpty || escaped.hasSuffix(" ") || escaped.hasSuffix("\u{A0}") {
        escaped += "\u{A0}"
        continue
      }
      let isLink =
        (scalar == "." && escaped.lowercased().hasSuffix("www")) || (scalar == ":" && next == "/")
      let isFirst = isList && "-+=.)".unicodeScalars.contains(scalar) && !escaped.contains("\\")
      if markup.contains(scalar) || isLink || isFirst { escaped += "\\" }
      escaped.unicodeScalars.append(scalar)
    }
    if escaped.hasSuffix(" ") { escaped = String(escaped.dropLast()) + "\u{A0}" }
    return escaped
  }

  /// `text` in the font of code if it has nothing to escape, else as `text(_:)` has it.
  package static func code(_ text: String) -> String {
    let safe = text.terminalSafe()
    let isPlain =
      !safe.isEmpty && !safe.contains { "`|\\<".contains($0) } && !safe.contains("  ")
      && !safe.hasPrefix(" ") && !safe.hasSuffix(" ")
    return isPlain ? "`\(safe)`" : self.text(text)
  }

  /// Lines of code, in a fence that is longer than any in them.
  package static func block(_ lines: String) -> String {
    let longest = lines.split { $0 != "`" }.map(\.count).max() ?? 0
    let fence = String(repeating: "`", count: max(3, longest + 1))
    return "\(fence)sh\n\(lines.terminalSafe(keepingLines: true))\n\(fence)\n"
  }

  /// A table; cells are Markdown already.
  ///
  /// Columns whose title begins with a space are numbers.
  package static func table(_ titles: [String], _ rows: [[String]]) -> String {
    func line(_ cells: [String]) -> String { "| " + cells.joined(separator: " | ") + " |\n" }
    return line(titles.map { $0.hasPrefix(" ") ? String($0.dropFirst()) : $0 })
      + "|" + titles.map { $0.hasPrefix(" ") ? "---:|" : "---|" }.joined() + "\n"
      + rows.map(line).joined()
  }

  private static let markup = Set("\\`*_[]<>#|~&$@".unicodeScalars)
}

extension String.UnicodeScalarView {
  /// Each scalar with the one after it.
  fileprivate var withNext: [(Unicode.Scalar, Unicode.Scalar?)] {
    Array(zip(self, Array(dropFirst()).map(Optional.some) + [nil]))
  }
}

extension [String] {
  /// The words as a command line for a POSIX shell, or for bash if they have control characters.
  package var shellCommand: String { map(Self.quoted).joined(separator: " ") }

  private static func quoted(_ word: String) -> String {
    let plain = "-_./,:=+@%"
    if !word.isEmpty,
      word.utf8.allSatisfy({ byte in
        let scalar = Character(Unicode.Scalar(byte))
        return byte < 0x80 && (scalar.isLetter || scalar.isNumber || plain.contains(scalar))
      })
    {
      return word
    }
    guard word.terminalSafe() == word else {
      let bytes = word.utf8.map { byte -> String in
        switch byte {
        case 0x27, 0x5C: "\\" + String(Unicode.Scalar(byte))
        case 0x20...0x7E: String(Unicode.Scalar(byte))
        default:
          "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
      }
      return "$'\(bytes.joined())'"
    }
    return "'" + word.replacing("'", with: "'\\''") + "'"
  }
}
