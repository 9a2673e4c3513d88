import ArgumentParser
import CNNZoo
import Glibc

/// When results are coloured.
enum ColorChoice: String, CaseIterable, ExpressibleByArgument {
  /// On terminals, unless `NO_COLOR` is set or the terminal is `dumb`.
  case auto
  case always
  case never
}

/// What the reader of standard output can be shown.
struct Terminal {
  /// Whether text may carry colours.
  let hasColor: Bool
  /// Whether people look at it while it is written: bars are drawn for them.
  let hasBars: Bool
  /// Whether its character set has block elements.
  let hasBlocks: Bool

  /// What `descriptor` leads to, as the environment tells.
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

  /// Something that is plain on every reader.
  static let plain = Terminal(.never, descriptor: -1)

  enum Style: String {
    case bold = "1"
    case dim = "2"
    case green = "32"
  }

  func styled(_ text: String, _ style: Style) -> String {
    hasColor ? "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m" : text
  }

  /// A bar for a share from 0 to 1, without the blanks that would fill `width` columns, and their
  /// number.
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

  /// POSIX: the first of these that is set and not empty decides.
  private static var isUTF8: Bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].lazy
      .compactMap { UserFolders.variable($0) }.first { !$0.isEmpty }
    let name = (locale ?? "C").lowercased()
    return name.contains("utf-8") || name.contains("utf8")
  }
}
