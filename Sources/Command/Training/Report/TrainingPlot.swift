import CNNZoo

/// The report of a training run as an SVG file.
package struct TrainingPlot {
  private let report: TrainingReport

  static let width = 920.0
  static let margin = 28.0
  private static let gap = 24.0
  private static let title = "Training report"

  package init(_ report: TrainingReport) { self.report = report }

  /// The whole SVG file.
  package var document: String {
    var drawing = SVGDrawing()
    var y = drawHead(into: &drawing)
    y = drawTiles(into: &drawing, top: y)
    y = drawCurves(into: &drawing, top: y)
    if let classes = ClassPlot(report) { y = classes.draw(into: &drawing, top: y) }
    if !report.suspects.isEmpty {
      y = SuspectPlot(report.suspects).draw(into: &drawing, top: y)
    }
    y = drawNotes(into: &drawing, top: y)
    return drawing.document(
      width: Self.width, height: y, title: Self.title,
      styleSheet: [
        Self.styleSheet, TrainingCurves.styleSheet, ConfusionPlot.styleSheet, BarRow.styleSheet,
      ].joined(separator: "\n"))
  }

  private func drawHead(into drawing: inout SVGDrawing) -> Double {
    let top = Self.margin
    let room = Self.width - 2 * Self.margin
    drawing.text(Self.title, x: Self.margin, y: top + 14, style: "title")
    for (line, text) in [report.subject, report.status].enumerated() {
      drawing.text(
        PlotText.fitted(text, to: room, size: 12), x: Self.margin, y: top + 36 + 18 * Double(line),
        style: "name")
    }
    return top + 72
  }

  private func drawTiles(into drawing: inout SVGDrawing, top: Double) -> Double {
    let (height, count) = (80.0, 4.0)
    let width = (Self.width - 2 * Self.margin - 12 * (count - 1)) / count
    for (index, tile) in tiles.enumerated() {
      let left = Self.margin + Double(index) * (width + 12)
      drawing.rectangle(x: left, y: top, width: width, height: height, style: "tile")
      drawing.text(tile.name, x: left + 14, y: top + 21, style: "quiet")
      drawing.text(tile.figure, x: left + 14, y: top + 47, style: "figure")
      drawing.text(
        PlotText.fitted(tile.detail, to: width - 20, size: 11), x: left + 14, y: top + 67,
        style: "quiet")
    }
    return top + height + Self.gap
  }

  private typealias Tile = (name: String, figure: String, detail: String)

  private var tiles: [Tile] {
    func accuracy(_ name: String, _ evaluation: Evaluation?, without: String) -> Tile {
      guard let evaluation else { return (name, "–", without) }
      return (
        name, TrainingReport.percent(evaluation.accuracy),
        "95 % interval \(TrainingReport.interval(evaluation))"
      )
    }
    let best = report.bestEpoch.map { ", best \($0 + 1)" } ?? ""
    return [
      accuracy(
        "Validation accuracy", report.validation,
        without: report.validationImages == 0 ? "no images" : "not yet"),
      report.headValidation == nil
        ? accuracy("Closed-form head, leave-one-out", report.head, without: "trained without one")
        : report.keepsHead
          ? accuracy("Trained network, validation", report.trainedValidation, without: "")
          : accuracy("Closed-form head, validation", report.headValidation, without: ""),
      (
        "Validation log loss", report.validation.map { NumberText.fixed($0.logLoss, 3) } ?? "–",
        report.validation.map {
          "balanced accuracy \(TrainingReport.percent($0.balancedAccuracy))"
        } ?? ""
      ),
      (
        "Training time", TrainingReport.duration(report.seconds),
        NumberText.count(report.history.epochs.count, "epoch") + best
      ),
    ]
  }

  private func drawCurves(into drawing: inout SVGDrawing, top: Double) -> Double {
    let (height, gap) = (216.0, 28.0)
    let width = (Self.width - 2 * Self.margin - gap) / 2
    for (index, chart) in TrainingCurves(report).charts.enumerated() {
      let (row, column) = (Double(index / 2), Double(index % 2))
      // Learning rate and size have little to show.
      chart.draw(
        into: &drawing,
        LineChart.Frame(
          left: Self.margin + column * (width + gap), top: top + row * (height + gap),
          width: width, height: row == 0 ? height : 0.75 * height))
    }
    return top + 1.75 * height + gap + Self.gap
  }

  private func drawNotes(into drawing: inout SVGDrawing, top: Double) -> Double {
    let notes = report.notes
    guard !notes.isEmpty else { return top + Self.margin - Self.gap }
    let room = Self.width - 2 * Self.margin
    drawing.text("Notes", x: Self.margin, y: top + 12, style: "strong")
    let most = 8
    var lines = notes.prefix(most).map { PlotText.fitted($0, to: room, size: 12) }
    if notes.count > most { lines.append("and \(notes.count - most) more") }
    for (index, line) in lines.enumerated() {
      drawing.text(line, x: Self.margin, y: top + 34 + 19 * Double(index), style: "name")
    }
    return top + 34 + 19 * Double(lines.count) + Self.margin - 12
  }

  private static let styleSheet = """
    .tile { fill: #f4f6f8; }
    .figure { font-size: 22px; font-weight: 600; fill: #1b1f24; }
    @media (prefers-color-scheme: dark) {
      .tile { fill: #1e232a; }
      .figure { fill: #e6e9ed; }
    }
    """
}
