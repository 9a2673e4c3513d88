import CNNZoo
import Glibc

/// The last line of the terminal on standard error, drawn over and over while something lasts.
final class ProgressLine {
  /// Whether there is a terminal to draw on.
  let isShown: Bool
  private var drawnAt = 0.0
  private var isDrawn = false

  init() {
    isShown = isatty(STDERR_FILENO) == 1 && UserFolders.variable("TERM") != "dumb"
  }

  /// Draws the text that `text` makes for a number of columns, unless that was done just before.
  func draw(evenIfJustDrawn: Bool = false, _ text: (_ width: Int) -> String) {
    let now = Self.seconds()
    guard isShown, now - drawnAt >= 0.1 || evenIfJustDrawn else { return }
    drawnAt = now
    isDrawn = true
    write("\r" + text(Self.terminalWidth) + "\u{1B}[K")
  }

  /// Leaves the terminal's line as it was.
  func erase() {
    if isDrawn { write("\r\u{1B}[K") }
    isDrawn = false
  }

  /// `name`, a bar where there is room and a total, and `figures`, within `width` columns.
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

  /// Seconds of the clock that never jumps.
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
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
