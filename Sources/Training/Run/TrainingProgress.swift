/// How far a training run has come.
package struct TrainingProgress: Hashable, Sendable {
  /// Epochs that are complete; also the index of the current one.
  package var epoch = 0
  /// Steps of the current epoch that are done.
  package var step = 0
  /// Updates of the weights so far.
  package var updates = 0
  /// Sums over the current epoch.
  package var sums = Sums()
  /// The best validation so far; `nil` before the first.
  package var best: Best?

  /// What the figures of an epoch are computed from.
  package struct Sums: Hashable, Sendable {
    /// Images trained on.
    package var images = 0
    /// Images whose class had the highest score.
    package var correct = 0
    /// The sum of the images' losses.
    package var loss = 0.0
    /// Seconds of training.
    package var seconds = 0.0

    package init() {}
  }

  /// A validation.
  package struct Best: Hashable, Sendable {
    /// The epoch after which it took place, counted from 0.
    package var epoch: Int
    /// Its figure; higher is better.
    package var value: Double

    package init(epoch: Int, value: Double) {
      (self.epoch, self.value) = (epoch, value)
    }
  }

  /// The start of a run.
  package init() {}
}

extension TrainingProgress {
  /// Bounds on the progress of a run.
  package struct Limits: Sendable {
    /// Epochs of the run.
    package var epochs: Int
    /// Steps of an epoch.
    package var steps: Int
    /// Training images.
    package var images: Int

    package init(epochs: Int, steps: Int, images: Int) {
      (self.epochs, self.steps, self.images) = (epochs, steps, images)
    }
  }

  /// A value in a state file that is missing, unreadable or impossible.
  struct Fault: Error {
    let reason: String
  }

  /// The entries of a state file's metadata.
  var metadata: [String: String] {
    var metadata = [
      "epoch": "\(epoch)", "step": "\(step)", "updates": "\(updates)",
      "epoch.images": "\(sums.images)", "epoch.correct": "\(sums.correct)",
      "epoch.loss": "\(sums.loss)", "epoch.seconds": "\(sums.seconds)",
    ]
    if let best {
      metadata["best.epoch"] = "\(best.epoch)"
      metadata["best.value"] = "\(best.value)"
    }
    return metadata
  }

  /// Takes the entries out of `metadata`, which is untrusted.
  init(_ metadata: inout [String: String], limits: Limits) throws(Fault) {
    epoch = try metadata.integer("epoch", 0...limits.epochs)
    step = try metadata.integer("step", 0...limits.steps)
    let steps = epoch.multipliedReportingOverflow(by: limits.steps)
    updates = try metadata.integer(
      "updates", 0...(steps.overflow ? .max : steps.partialValue + step))
    sums.images = try metadata.integer("epoch.images", 0...limits.images)
    sums.correct = try metadata.integer("epoch.correct", 0...sums.images)
    sums.loss = try metadata.number("epoch.loss")
    sums.seconds = try metadata.number("epoch.seconds", 0...)
    if metadata["best.epoch"] != nil {
      best = Best(
        epoch: try metadata.integer("best.epoch", 0...epoch),
        value: try metadata.number("best.value"))
    }
  }
}

extension [String: String] {
  /// Takes out the entry `key`.
  mutating func text(_ key: String) throws(TrainingProgress.Fault) -> String {
    guard let text = removeValue(forKey: key) else { throw .init(reason: "\(key) is missing") }
    return text
  }

  /// Takes out an integer, written as `Int` prints it.
  mutating func integer(
    _ key: String, _ range: ClosedRange<Int>
  ) throws(TrainingProgress.Fault) -> Int {
    let text = try text(key)
    guard let value = Int(text), "\(value)" == text, range.contains(value) else {
      throw .init(
        reason: "\(key) is \(text), expected \(range.lowerBound) to \(range.upperBound)")
    }
    return value
  }

  /// Takes out a finite number, written as `Double` prints it.
  mutating func number(
    _ key: String, _ range: PartialRangeFrom<Double> = (-.greatestFiniteMagnitude)...
  ) throws(TrainingProgress.Fault) -> Double {
    let text = try text(key)
    guard let value = Double(text), "\(value)" == text, value.isFinite, range.contains(value) else {
      throw .init(reason: "\(key) is \(text), which is impossible")
    }
    return value
  }
}
