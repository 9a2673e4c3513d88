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

  /// A bar for a fraction from 0 to 1, and the number of spaces to pad it to `width` columns.
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

  /// Columns of the terminal behind `descriptor`, if it is one.
  static func width(of descriptor: Int32) -> Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  /// POSIX: the first of these variables that is set and not empty decides.
  private static var isUTF8: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy
      .compactMap { UserFolders.variable($0) }.first { !$0.isEmpty }
    let name = (locale ?? "C").lowercased()
    return name.contains("utf-8") || name.contains("utf8")
  }
}
