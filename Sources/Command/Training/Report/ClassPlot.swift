import CNNZoo

/// The classes of a report: the confusion matrix with each class's recall, or for many classes those
/// of the lowest recall and the pairs that were confused most.
struct ClassPlot {
  private let labels: Labels
  private let evaluation: Evaluation
  private let results: [ClassRecall]

  /// The largest number of classes for which there is a matrix.
  private static let mostClasses = 25
  /// Rows of the lists for more classes.
  private static let mostRows = 15
  /// The names' share of a list's width.
  private static let nameShare = 0.52

  /// `nil` without a validation.
  init?(_ report: TrainingReport) {
    guard let validation = report.validation, validation.count > 0 else { return nil }
    (labels, evaluation) = (report.labels, validation)
    results = ClassRecall.all(of: validation)
  }

  /// Draws the classes; returns where they end.
  func draw(into drawing: inout SVGDrawing, top: Double) -> Double {
    labels.count <= Self.mostClasses
      ? drawMatrix(into: &drawing, top: top) : drawLists(into: &drawing, top: top)
  }

  private func drawMatrix(into drawing: inout SVGDrawing, top: Double) -> Double {
    let confusion = evaluation.confusion
    let matrix = ConfusionPlot(
      classes: labels.names.enumerated().map { ($1, confusion[$0] ?? [:], $0) },
      width: labels.count > 12 ? 500 : 400, widestName: 150)
    let margin = TrainingPlot.margin
    let left = margin + matrix.nameWidth
    let first = top + 62
    drawing.text("Validation by class", x: margin, y: top + 12, style: "strong")
    drawing.text(ConfusionPlot.caption, x: margin, y: top + 30, style: "quiet")
    matrix.draw(into: &drawing, left: left, top: first)
    let bars = left + matrix.side + matrix.tail
    let right = TrainingPlot.width - margin
    drawing.text(
      "Recall, 95 % interval", x: right, y: first - 8, style: "quiet", anchor: .end)
    for (row, result) in results.enumerated() {
      BarRow(result).draw(
        into: &drawing, left: bars, right: right, y: first + (Double(row) + 0.5) * matrix.cell,
        thickness: min(12, 0.6 * matrix.cell))
    }
    return first + matrix.side + 34
  }

  private func drawLists(into drawing: inout SVGDrawing, top: Double) -> Double {
    let (margin, gap) = (TrainingPlot.margin, 32.0)
    let width = (TrainingPlot.width - 2 * margin - gap) / 2
    let lowest = results.filter { $0.count > 0 }.sorted {
      ($0.recall, $0.index) < ($1.recall, $1.index)
    }
    let pairs = evaluation.confusedPairs
    drawList(
      "Lowest recall of \(NumberText.grouped(lowest.count)) classes, 95 % interval",
      lowest.map { (labels[$0.index], BarRow($0)) }, left: margin, top, width, into: &drawing)
    drawList(
      pairs.isEmpty ? "No classes were confused" : "Most confused: true class → answer",
      pairs.map { pair in
        let count = results[pair.truth].count
        return (
          Self.fitted(labels[pair.truth], labels[pair.answer], to: Self.nameShare * width),
          BarRow(
            share: Double(pair.count) / Double(count), interval: nil,
            text: "\(pair.count) of \(count)", style: "wrong")
        )
      }, left: margin + width + gap, top, width, into: &drawing)
    return top + 34 + 21 * Double(min(max(lowest.count, pairs.count), Self.mostRows)) + 24
  }

  /// Two names with an arrow between them; a short one leaves its room to the other.
  private static func fitted(_ first: String, _ second: String, to width: Double) -> String {
    let arrow = " → "
    let room = width - PlotText.width(of: arrow, size: 12)
    let widths = [first, second].map { PlotText.width(of: $0.terminalSafe(), size: 12) }
    return PlotText.fitted(first, to: max(room / 2, room - widths[1]), size: 12) + arrow
      + PlotText.fitted(second, to: max(room / 2, room - widths[0]), size: 12)
  }

  private func drawList(
    _ title: String, _ rows: [(name: String, bar: BarRow)], left: Double, _ top: Double,
    _ width: Double, into drawing: inout SVGDrawing
  ) {
    drawing.text(title, x: left, y: top + 12, style: "strong")
    let names = Self.nameShare * width
    for (row, item) in rows.prefix(Self.mostRows).enumerated() {
      let y = top + 38 + 21 * Double(row)
      drawing.text(
        PlotText.fitted(item.name, to: names, size: 12), x: left, y: y + 4, style: "name")
      item.bar.draw(
        into: &drawing, left: left + names + 10, right: left + width, y: y, thickness: 10)
    }
  }
}

/// The recall of a class in a validation.
struct ClassRecall {
  let index: Int
  /// Images of the class.
  let count: Int
  let correct: Int

  /// NaN without images.
  var recall: Double { Double(correct) / Double(count) }
  var interval: ClosedRange<Double> { Evaluation.wilsonInterval(successes: correct, of: count) }

  /// That of every class, in their order.
  static func all(of evaluation: Evaluation) -> [ClassRecall] {
    var all = (0..<evaluation.classCount).map { ClassRecall(index: $0, count: 0, correct: 0) }
    for result in evaluation.classResults {
      all[result.index] = ClassRecall(
        index: result.index, count: result.count, correct: result.correct)
    }
    return all
  }
}

/// A share as a bar with its interval, and a text at its right.
struct BarRow {
  private let share: Double
  private let interval: ClosedRange<Double>?
  private let text: String
  private let style: String

  private static let textWidth = 92.0

  init(share: Double, interval: ClosedRange<Double>?, text: String, style: String) {
    (self.share, self.interval, self.text, self.style) = (share, interval, text, style)
  }

  init(_ result: ClassRecall) {
    self.init(
      share: result.recall, interval: result.count > 0 ? result.interval : nil,
      text: result.count > 0
        ? "\(TrainingReport.percent(result.recall)) of \(NumberText.grouped(result.count))"
        : "no images", style: "right")
  }

  /// Draws the bar, centred at `y`.
  func draw(
    into drawing: inout SVGDrawing, left: Double, right: Double, y: Double, thickness: Double
  ) {
    let end = right - Self.textWidth
    let top = y - thickness / 2
    drawing.rectangle(x: left, y: top, width: end - left, height: thickness, style: "track")
    if share.isFinite {
      drawing.rectangle(
        x: left, y: top, width: share * (end - left), height: thickness, style: "\(style) bar")
    }
    if let interval {
      let (low, high) = (
        left + interval.lowerBound * (end - left), left + interval.upperBound * (end - left)
      )
      drawing.line(from: (low, y), to: (high, y), style: "whisker")
      for x in [low, high] { drawing.line(from: (x, y - 3), to: (x, y + 3), style: "whisker") }
    }
    drawing.text(text, x: right, y: y + 4, style: "quiet", anchor: .end)
  }

  static let styleSheet = """
    .track { fill: #eef0f3; }
    .bar { fill-opacity: 0.7; }
    .whisker { stroke: #1b1f24; stroke-width: 1.25; fill: none; }
    @media (prefers-color-scheme: dark) {
      .track { fill: #232830; }
      .whisker { stroke: #e6e9ed; }
    }
    """
}
