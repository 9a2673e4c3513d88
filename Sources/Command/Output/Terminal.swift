import ArgumentParser
import CNNZoo
import Glibc

/// When to colour results.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  /// On terminals, unless `NO_COLOR` is set or `TERM` is `dumb`.
  case auto
  case always
  case never
}

/// The capabilities of the terminal behind standard output, if any.
struct Terminal {
  /// Whether to use colours.
  let hasColor: Bool
  /// Whether to draw bars.
  let hasBars: Bool
  /// Whether the character set has block elements.
  let hasBlocks: Bool

  /// Detects the capabilities from `descriptor` and the environment.
  init(_ choice: ColorChoice, descriptor: Int32 = STDOUT_FILENO) {
    let isTerminal = isatty(descriptor) == 1 && UserFolders.variable("TERM") != "dumb"
    switch choice {
    case .always: hasColor = true
    case .never: hasColor = false
    case .auto: hasColor = isTerminal && (UserFolders.variable("NO_COLOR") ?? "").isEmpty
    }
    hasBars = isTerminal || choice == .always
    hasBlocks = Self.isUTF8
  }

  /// Plain text.
  static let plain = Terminal(.never, descriptor: -1)

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case green = "32"
  }

  func styled(_ text: String, _ style: Style) -> String {
    hasColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A bar for a fraction from 0 to 1, and the number of spaces that pad it to `width` columns.
  func bar(_ share: Double, width: Int) -> (text: String, blanks: Int) {
    let share = min(max(share, 0), 1)
    guard hasBlocks else {
      let full = Int((share * Double(width)).rounded())
      return (String(repeating: "#", count: full), width - full)
    }
    let eighths = Int((share * Double(8 * width)).rounded())
    let parts = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"]
    let text = String(repeating: "█", count: eighths / 8) + parts[eighths % 8]
    return (text, width - (eighths + 7) / 8)
  }

  /// POSIX: the first of these variables that is set and not empty decides.
  private static var isUTF8: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy
      .compactMap { UserFolders.variable($0) }.first { !$0.isEmpty }
    let name = (locale ?? "C").lowercased()
    return name.contains("utf-8") || name.contains("utf8")
  }
}

/// A progress line on standard error, redrawn in place.
final class ProgressLine {
  /// Whether standard error is a terminal.
  let isShown: Bool
  private var drawnAt = 0.0
  private var isDrawn = false

  init() {
    isShown = isatty(STDERR_FILENO) == 1 && UserFolders.variable("TERM") != "dumb"
  }

  /// Draws the text that `text` returns for the terminal's width, at most every 0.1 s.
  func draw(always: Bool = false, _ text: (_ width: Int) -> String) {
    let now = MonotonicTime().seconds
    guard isShown, now - drawnAt >= 0.1 || always else { return }
    drawnAt = now
    isDrawn = true
    write("\r" + text(Self.terminalWidth) + "\u{1B}[K")
  }

  /// Erases the line.
  func erase() {
    if isDrawn { write("\r\u{1B}[K") }
    isDrawn = false
  }

  /// `name`, a bar if there is room and the total is known, and `figures`, within `width` columns.
  static func text(
    _ name: String, _ done: Int, of total: Int?, figures: String, width: Int
  ) -> String {
    let room = width - 1 - name.count - figures.count - 4
    guard let total, total > 0, room >= 10 else {
      return String("\(name)  \(figures)".prefix(max(0, width - 1)))
    }
    let length = min(40, room)
    let full = Int(Double(min(done, total)) / Double(total) * Double(length))
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: length - full)
    return "\(name)  \(bar)  \(figures)"
  }

  private static var terminalWidth: Int {
    var size = winsize()
    let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : 80
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }
}
