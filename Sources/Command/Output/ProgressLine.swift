import CNNZoo
import Glibc
import Synchronization

/// The progress line of a long run on standard error, redrawn in place.
///
/// Does nothing unless standard error is a terminal. All other output, and an interrupt, erase the
/// line first.
enum ProgressLine {
  /// Whether there is a terminal to draw on, and the user wants it.
  static var isEnabled: Bool { isTerminal && !Diagnostics.isQuiet }

  private static let isTerminal =
    isatty(STDERR_FILENO) == 1 && UserFolders.variable("TERM") != "dumb"
  private static let isDrawn = Atomic<Bool>(false)

  /// Draws the text that `text` returns for the terminal's width.
  static func draw(_ text: (_ width: Int) -> String) {
    guard isEnabled else { return }
    let width = Terminal.width(of: STDERR_FILENO) ?? 80
    isDrawn.store(true, ordering: .relaxed)
    write("\r\(text(width))\u{1B}[K")
  }

  /// Erases the line.
  static func erase() {
    if isDrawn.exchange(false, ordering: .relaxed) { write("\r\u{1B}[K") }
  }

  private static func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }
}

/// Counts the steps of a long run and draws a progress line with the time left.
package final class RunProgress {
  private let name: String
  private let total: Int?
  private let showsRate: Bool
  private let start = MonotonicTime().seconds
  private var drawnAt = 0.0
  private var done = 0
  /// When the last step was done.
  private var advancedAt = 0.0

  /// Shorter runs show no progress line.
  private static let delay = 1.0
  private static let interval = 0.1

  /// - Parameters:
  ///   - name: What is counted, such as `images`.
  ///   - total: The number of steps, if known.
  init(_ name: String, total: Int?, showsRate: Bool = true) {
    self.name = name
    self.total = total
    self.showsRate = showsRate
  }

  /// Seconds since the run began.
  var elapsed: Double { MonotonicTime().seconds - start }

  /// Counts further steps.
  func advance(by steps: Int = 1) {
    done += steps
    advancedAt = elapsed
    redraw()
  }

  /// Brings the time left up to date during a long step.
  func redraw() {
    let elapsed = elapsed
    guard ProgressLine.isEnabled, elapsed > Self.delay, elapsed - drawnAt >= Self.interval else {
      return
    }
    drawnAt = elapsed
    ProgressLine.draw { width in
      Self.line(
        name, done, of: total,
        figures: Self.figures(
          done, total, advancedAt, showsRate: showsRate, since: elapsed - advancedAt),
        width: width)
    }
  }

  /// As `120 of 600, 35.1/s, 0:14 left`.
  ///
  /// - Parameters:
  ///   - elapsed: Seconds that the steps so far have taken.
  ///   - since: Seconds since then.
  package static func figures(
    _ done: Int, _ total: Int?, _ elapsed: Double, showsRate: Bool = true, since: Double = 0
  ) -> String {
    var figures = ["\(done)" + (total.map { " of \($0)" } ?? "")]
    if showsRate, done > 0 { figures.append("\(NumberText.fixed(Double(done) / elapsed, 1))/s") }
    if let total, done > 0, total > done {
      figures.append(timeLeft(elapsed / Double(done) * Double(total - done) - since))
    }
    return figures.joined(separator: ", ")
  }

  /// As `0:14 left` or `2:05:00 left`.
  package static func timeLeft(_ seconds: Double) -> String {
    let seconds = Int(min(max(seconds, 0), 360_000).rounded(.up))
    func twoDigits(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
    return (hours > 0 ? "\(hours):\(twoDigits(minutes))" : "\(minutes)")
      + ":\(twoDigits(seconds % 60)) left"
  }

  /// `name`, a bar if the total is known and there is room, and `figures`, within `width` columns.
  package static func line(
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
}
