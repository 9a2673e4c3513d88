import CNNZoo
import Host

/// Shows a training run on standard error: the plan, a progress line, and a line for each epoch.
final class TrainingDisplay {
  /// The epochs so far.
  private(set) var epochs: [Trainer.Epoch] = []
  /// The best validation so far, if it was one of these.
  var bestValidation: Evaluation? { epochs.last { $0.isBest }?.validation }
  private let policy: FailurePolicy
  private var failures: [ExitStatus] = []
  private var plan: Trainer.Plan?
  private var reading = RunProgress("reading images", total: nil)
  private var embedding = RunProgress("fitting the classifier", total: nil)
  private var drawnAt = MonotonicTime().seconds
  private static let interval = 0.1

  init(_ policy: FailurePolicy) { self.policy = policy }

  /// Shows what happened.
  ///
  /// - Throws: The exit status if the policy ends the command.
  func receive(_ event: Trainer.Event) throws {
    switch event {
    case .scanned(let image):
      for warning in image.warnings {
        Diagnostics.warn("\(image.input.name.terminalSafe()): \(warning)")
      }
      if case .failure(let error) = image.result {
        let failure = ImageFailure(error, of: image.input.name)
        failures.append(failure.status)
        Diagnostics.error(failure.message)
        if policy == .fail { throw failure.status }
      }
      reading.advance()
    case .embedded: embedding.advance()
    case .planned(let plan):
      ProgressLine.erase()
      self.plan = plan
      for line in Self.lines(plan) { Diagnostics.log(line) }
    case .imbalanced(let classes):
      Diagnostics.warn(
        "\(classes.largest.terminalSafe()) has \(classes.largestCount) images for training,"
          + " \(classes.smallest.terminalSafe()) \(classes.smallestCount); --balance sampling or"
          + " --balance weights makes them count the same")
    case .head(let head):
      ProgressLine.erase()
      Diagnostics.log(
        "closed-form head: validation \(percent(head.accuracy)), log loss"
          + " \(NumberText.fixed(head.logLoss, 3)); training has to beat this")
    case .stage(let stage):
      ProgressLine.erase()
      Diagnostics.log(
        "stage at \(stage.imageSize) pixels, from epoch \(stage.epochs.lowerBound + 1)")
    case .step(let step): draw(step)
    case .epoch(let epoch):
      ProgressLine.erase()
      epochs.append(epoch)
      Diagnostics.log(line(epoch))
    case .warning(let text): Diagnostics.warn(text)
    }
  }

  /// - Throws: The exit status if images could not be used.
  func finish() throws(ExitStatus) {
    if !failures.isEmpty && policy != .record { throw .someFailed }
  }

  private static func lines(_ plan: Trainer.Plan) -> [String] {
    let configuration = plan.configuration
    var lines = [
      "\(plan.model): \(NumberText.count(plan.trainingImages, "image")) of"
        + " \(plan.labels.count) classes, \(plan.validationImages) more for validation",
      "\(NumberText.count(configuration.epochs, "epoch")) of"
        + " \(NumberText.count(plan.stepsPerEpoch, "step")) at \(sizes(configuration)) pixels;"
        + " up to \(plan.memoryBytes >> 20) MiB; log and states in \(plan.runFolder)",
    ]
    if configuration.progressive != nil { lines += schedule(configuration.stages) }
    if let accuracy = plan.headAccuracy {
      lines.append("starting from a closed-form head: \(percent(accuracy)) leave-one-out")
    }
    if let resumed = plan.resumed {
      lines.append("resuming at epoch \(resumed.epoch + 1), step \(resumed.step + 1)")
    }
    return lines
  }

  private static func sizes(_ configuration: TrainingConfiguration) -> String {
    let sizes = configuration.stages.map(\.imageSize)
    guard let first = sizes.first, let last = sizes.last, first != last else {
      return "\(configuration.imageSize)"
    }
    return "\(first) to \(last)"
  }

  /// A table with a line for each stage of progressive learning.
  private static func schedule(_ stages: [TrainingStage]) -> [String] {
    var table = Table([
      .number("stage"), .number("epochs"), .number("size"), .number("dropout"),
      .number("RandAugment"), .number("mixup"),
    ])
    for (index, stage) in stages.enumerated() {
      table.rows.append([
        .integer(index + 1), .text("\(stage.epochs.lowerBound + 1)-\(stage.epochs.upperBound)"),
        .integer(stage.imageSize), .number(stage.dropout, decimals: 3),
        stage.randAugmentMagnitude.map { .number($0, decimals: 1) } ?? .text("-"),
        .number(stage.mixupAlpha, decimals: 2),
      ])
    }
    return table.text().split(separator: "\n").map { "  \($0)" }
  }

  private func draw(_ step: Trainer.Step) {
    let now = MonotonicTime().seconds
    guard let plan, ProgressLine.isEnabled, now - drawnAt > Self.interval else { return }
    drawnAt = now
    let done = step.epoch * plan.stepsPerEpoch + step.step + 1
    ProgressLine.draw { width in
      RunProgress.line(
        "epoch \(step.epoch + 1)/\(plan.configuration.epochs)", done,
        of: plan.configuration.epochs * plan.stepsPerEpoch,
        figures: "loss \(NumberText.fixed(step.loss, 3)), \(percent(step.accuracy)),"
          + " \(NumberText.fixed(step.imagesPerSecond, 1))/s,"
          + " \(RunProgress.timeLeft(step.remainingSeconds))", width: width)
    }
  }

  private func line(_ epoch: Trainer.Epoch) -> String {
    let total = plan?.configuration.epochs ?? 0
    var line =
      "epoch \(epoch.epoch + 1)/\(total): loss \(NumberText.fixed(epoch.loss, 3)),"
      + " accuracy \(percent(epoch.accuracy))"
    if let validation = epoch.validation {
      line +=
        "; validation \(percent(validation.accuracy)), log loss"
        + " \(NumberText.fixed(validation.logLoss, 3))" + (epoch.isBest ? ", best so far" : "")
    }
    return line + "; \(NumberText.fixed(epoch.seconds, 1)) s"
  }
}

/// As `93.1 %`.
private func percent(_ share: Double) -> String { "\(NumberText.fixed(100 * share, 1)) %" }
