import CNNZoo

/// The figures and sentences that the report's files and the command's output have in common.
extension TrainingReport {
  /// As `93.1 %`.
  static func percent(_ share: Double) -> String { "\(NumberText.fixed(100 * share, 1)) %" }

  /// As `90.4 to 95.5 %`.
  static func interval(_ evaluation: Evaluation) -> String {
    let interval = evaluation.accuracyInterval
    return "\(NumberText.fixed(100 * interval.lowerBound, 1)) to \(percent(interval.upperBound))"
  }

  /// As `10 s`, `2 min 5 s` or `3 h 12 min`.
  static func duration(_ seconds: Double) -> String {
    guard seconds.isFinite, seconds < 1e9 else { return "–" }
    let whole = Int(seconds.rounded())
    switch whole {
    case ..<10: return "\(NumberText.fixed(seconds, 1)) s"
    case ..<60: return "\(whole) s"
    case ..<3600: return "\(whole / 60) min \(whole % 60) s"
    default: return "\(NumberText.grouped(whole / 3600)) h \(whole % 3600 / 60) min"
    }
  }

  /// Seconds of training and validation.
  var seconds: Double { history.epochs.reduce(0) { $0 + $1.seconds } }

  /// The network, the classes and the images, on one line.
  var subject: String {
    "\(header.identity.model): \(NumberText.count(labels.count, "class", plural: "classes")),"
      + " \(NumberText.count(trainingImages, "image")) for training,"
      + " \(NumberText.grouped(validationImages)) for validation"
  }

  /// How the run ended, or where it stands.
  var status: String {
    let total = header.identity.configuration.epochs
    let progress = "\(history.epochs.count) of \(NumberText.count(total, "epoch"))"
    switch history.end {
    case .finished: return "Finished: \(progress) in \(Self.duration(seconds))"
    case .stopped(let reason): return "Stopped after \(progress): \(reason)"
    case .diverged(let epoch, let step, let place, let images):
      let names = images.prefix(3).joined(separator: ", ") + (images.count > 3 ? ", …" : "")
      return "Diverged in epoch \(epoch + 1), step \(step + 1): \(place) is no longer finite"
        + (images.isEmpty ? "" : " for \(names)")
    case nil: return interruption.map { "Ended after \(progress): \($0)" } ?? "After \(progress)"
    }
  }

  /// What a reader should know besides the figures, a sentence each.
  var notes: [String] {
    var notes: [String] = []
    if history.resumptions > 0 {
      notes.append("Resumed \(NumberText.count(history.resumptions, "time")) after interruptions")
    }
    if !failures.isEmpty {
      notes.append(
        "\(NumberText.count(failures.count, "file")) left out: damaged or not supported")
    }
    let conflicts = copies.filter(\.isConflict)
    if !conflicts.isEmpty {
      notes.append(
        "\(NumberText.count(conflicts.count, "group")) of copies with different labels:"
          + " at most one label is right")
    }
    let divided = copies.filter(\.isOnBothSides)
    if !divided.isEmpty {
      notes.append(
        "\(NumberText.count(divided.count, "group")) of copies both in training and in validation:"
          + " the validation is too good")
    }
    if !copies.isEmpty && divided.isEmpty {
      let images = copies.reduce(0) { $0 + $1.images.count }
      notes.append(
        "\(NumberText.count(images, "image")) in \(NumberText.count(copies.count, "group")) of"
          + " copies" + (validationImages > 0 ? ", each group on one side of the division" : ""))
    }
    if validation == nil {
      notes.append(
        validationImages == 0
          ? "No images for validation: the accuracy on new images is unknown"
          : "No complete validation in this session")
    }
    if keepsHead {
      notes.append(
        "Training the whole network did not improve on the closed-form head beyond chance: the result"
          + " is the head")
    }
    return notes + warnings
  }
}
