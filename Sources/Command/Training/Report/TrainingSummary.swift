import CNNZoo
import Glibc

/// The report of a training run in Markdown.
package struct TrainingSummary {
  private let report: TrainingReport

  /// The largest numbers of rows, and of classes for which there is a matrix.
  private static let (mostRows, mostClasses) = (100, 12)

  package init(_ report: TrainingReport) { self.report = report }

  /// The whole file.
  package var document: String {
    let sections = [
      head, notes, classes, suspects, copies, failures, epochs, configuration, reproduction,
    ]
    return sections.filter { !$0.isEmpty }.joined(separator: "\n")
  }

  private var head: String {
    func row(_ name: String, _ evaluation: Evaluation?) -> [[String]] {
      guard let evaluation, evaluation.count > 0 else { return [] }
      return [
        [
          name, TrainingReport.percent(evaluation.accuracy),
          TrainingReport.interval(evaluation),
          "\(evaluation.correct(inTop: 1)) of \(evaluation.count)",
          TrainingReport.percent(evaluation.balancedAccuracy),
          NumberText.fixed(evaluation.logLoss, 3),
          TrainingReport.percent(evaluation.calibrationError),
        ]
      ]
    }
    let rows =
      row("validation", report.validation)
      + (report.keepsHead ? row("trained network, validation", report.trainedValidation) : [])
      + row("closed-form head, validation", report.headValidation)
      + row("closed-form head, leave-one-out on the training images", report.head)
    let table =
      rows.isEmpty
      ? ""
      : "\n"
        + Markdown.table(
          [
            "", " accuracy", " 95 % interval", " correct", " balanced", " log loss",
            " calibration error",
          ], rows)
    let best = report.bestEpoch.map { ". The best epoch is \($0 + 1)" } ?? ""
    return """
      # Training report

      \(Markdown.text(report.subject)). \(Markdown.text(report.status))\(best).

      ![Loss, accuracy, learning rate and image size; classes; likely label errors](report.svg)
      \(table)
      """
  }

  private var notes: String {
    let notes = report.notes
    guard !notes.isEmpty else { return "" }
    return "## Notes\n\n" + Self.limited(notes.map { "- \(Markdown.text($0))." })
  }

  private var classes: String {
    guard let validation = report.validation, validation.count > 0 else { return "" }
    let names = report.labels.names.map(Markdown.text)
    let confusion = validation.confusion
    let rows = ClassRecall.all(of: validation).map { result -> [String] in
      let others = (confusion[result.index] ?? [:]).filter { $0.key != result.index }
        .sorted { ($1.value, $0.key) < ($0.value, $1.key) }.prefix(3)
      let (low, high) = (result.interval.lowerBound, result.interval.upperBound)
      return [
        names[result.index], "\(result.count)", "\(result.correct)",
        TrainingReport.percent(result.recall),
        result.count == 0
          ? "–" : "\(NumberText.fixed(100 * low, 1)) to \(TrainingReport.percent(high))",
        others.map { "\(names[$0.key]) \($0.value)" }.joined(separator: ", "),
      ]
    }
    return "## Validation by class\n\n"
      + Markdown.table(
        ["class", " images", " correct", " recall", " 95 % interval", "mistaken for"], rows)
      + "\n"
      + (names.count <= Self.mostClasses ? matrix(names, confusion) : pairs(names, validation))
  }

  private func matrix(_ names: [String], _ confusion: [Int: [Int: Int]]) -> String {
    "Rows: true class. Columns: answer.\n\n"
      + Markdown.table(
        [""] + names.map { " \($0)" },
        names.indices.map { truth in
          [names[truth]] + names.indices.map { "\(confusion[truth]?[$0] ?? 0)" }
        })
  }

  private func pairs(_ names: [String], _ validation: Evaluation) -> String {
    let pairs = validation.confusedPairs
    guard !pairs.isEmpty else { return "No classes were confused.\n" }
    return "The most confused pairs:\n\n"
      + Markdown.table(
        ["true class", "answer", " images"],
        pairs.prefix(Self.mostRows / 2).map { [names[$0.truth], names[$0.answer], "\($0.count)"] })
  }

  private var suspects: String {
    guard !report.suspects.isEmpty else { return "" }
    let rows = report.suspects.prefix(Self.mostRows).map { suspect in
      [
        Markdown.code(suspect.name), Markdown.text(suspect.label), Markdown.text(suspect.answer),
        "\(NumberText.fixed(100 * suspect.probability, 1)) %",
        suspect.isValidation ? "validation" : "training",
      ]
    }
    return """
      ## Likely label errors

      Another class gets at least 50 %, and at least what its own images get on average. Validation images are
      judged by the trained network, training images by the closed-form head, fitted without them. The
      label is wrong, or the image is hard to tell: look at the first ones.

      """
        + "\n"
        + Markdown.table(["file", "label", "looks like", " probability", "images"], Array(rows))
        + Self.rest(report.suspects.count)
  }

  private var copies: String {
    guard !report.copies.isEmpty else { return "" }
    // What needs a decision comes first.
    let groups =
      report.copies.filter(\.isConflict) + report.copies.filter { !$0.isConflict }
    let lines = groups.map { group in
      let images = group.images.prefix(10).map { image in
        Markdown.code(image.name)
          + (group.isConflict ? " (\(Markdown.text(image.label)))" : "")
          + (group.isOnBothSides && image.isValidation ? " (validation)" : "")
      }
      let more = group.images.count - images.count
      return "- " + (group.isConflict ? "**different labels:** " : "")
        + images.joined(separator: ", ") + (more > 0 ? " and \(more) more" : "")
        + (group.isExact ? "; same pixels" : "")
    }
    return "## Copies\n\n" + Self.limited(lines)
  }

  private var failures: String {
    guard !report.failures.isEmpty else { return "" }
    return "## Files left out\n\n"
      + Self.limited(
        report.failures.map { "- \(Markdown.code($0.name)): \(Markdown.text($0.reason))" })
  }

  private var epochs: String {
    guard !report.history.epochs.isEmpty else { return "" }
    let size = report.header.identity.configuration.imageSize
    let rows = report.history.epochs.map { epoch -> [String] in
      let validation = epoch.validation
      return [
        "\(epoch.epoch + 1)", NumberText.fixed(epoch.trainLoss, 4),
        TrainingReport.percent(epoch.trainAccuracy),
        validation.map { TrainingReport.percent($0.accuracy) } ?? "–",
        validation.map { NumberText.fixed($0.logLoss, 4) } ?? "–",
        "\(epoch.imageSize ?? size)", NumberText.fixed(epoch.seconds, 1),
        epoch.isBest ? "best so far" : "",
      ]
    }
    return """
      ## Epochs

      The training's loss and accuracy are those of augmented images, with regularisation.

      """
        + "\n"
        + Markdown.table(
          [
            " epoch", " loss", " accuracy", " validation", " log loss", " pixels", " seconds", "",
          ], rows)
  }

  private var configuration: String {
    "## Configuration\n\n"
      + Markdown.table(
        ["setting", "value"],
        report.header.identity.configuration.entries.map {
          [Markdown.code($0.name), Markdown.text($0.value)]
        })
  }

  private var reproduction: String {
    let header = report.header
    let command = header.command.isEmpty ? "" : Markdown.block(header.command.shellCommand) + "\n"
    return "## How to reproduce\n\n" + command
      + """
      The result has the same bits with the same program, instruction set, images and initial weights, with
      any number of threads.

      """
      + "\n"
      + Markdown.table(
        ["", ""],
        [
          ["program", Markdown.code(header.identity.program)],
          ["instruction set", Markdown.code(header.identity.instructionSet)],
          ["images", "\(Markdown.code(header.folder)), \(Markdown.code(header.identity.data))"],
          ["initial weights", Markdown.code(header.identity.initialWeights)],
          ["output", Markdown.code(header.output)],
          ["processor", Markdown.text(header.processor)],
          ["threads", "\(header.threads)"],
          ["started", Self.date(header.time)],
        ].filter { $0[1] != "" })
  }

  private static func limited(_ lines: [String]) -> String {
    lines.prefix(mostRows).map { "\($0)\n" }.joined() + rest(lines.count)
  }

  private static func rest(_ count: Int) -> String {
    count > mostRows ? "\nand \(NumberText.grouped(count - mostRows)) more.\n" : ""
  }

  private static func date(_ seconds: Int) -> String {
    var (time, parts) = (time_t(seconds), tm())
    guard gmtime_r(&time, &parts) != nil else { return "" }
    var text = [CChar](repeating: 0, count: 64)
    let count = strftime(&text, text.count, "%Y-%m-%d %H:%M UTC", &parts)
    return String(decoding: text.prefix(count).map(UInt8.init(bitPattern:)), as: UTF8.self)
  }
}
