import CNNZoo

/// The images of a report whose label is likely wrong, as a table.
struct SuspectPlot {
  private let suspects: [TrainingReport.Suspect]

  private static let mostRows = 12
  private static let rowHeight = 21.0
  /// Where the columns start, from the left, and where the last one ends.
  private static let (label, answer, bar, end) = (346.0, 500.0, 654.0, 864.0)
  private static let room = 12.0

  static let caption =
    "Another class claims these images. The label is wrong, or the image is hard to tell:"
    + " look at the first ones."

  init(_ suspects: [TrainingReport.Suspect]) { self.suspects = suspects }

  /// Draws the table; returns where it ends.
  func draw(into drawing: inout SVGDrawing, top: Double) -> Double {
    let left = TrainingPlot.margin
    drawing.text("Likely label errors", x: left, y: top + 12, style: "strong")
    drawing.text(Self.caption, x: left, y: top + 30, style: "quiet")
    let head = top + 54
    for (text, x) in [
      ("file", 0), ("label", Self.label), ("looks like", Self.answer),
      ("probability, and in which images", Self.bar),
    ] { drawing.text(text, x: left + x, y: head, style: "quiet") }
    drawing.line(from: (left, head + 7), to: (left + Self.end, head + 7), style: "grid")
    for (row, suspect) in suspects.prefix(Self.mostRows).enumerated() {
      draw(suspect, into: &drawing, left: left, y: head + 24 + Self.rowHeight * Double(row))
    }
    var bottom = head + 24 + Self.rowHeight * Double(min(suspects.count, Self.mostRows))
    if suspects.count > Self.mostRows {
      drawing.text(
        "and \(NumberText.grouped(suspects.count - Self.mostRows)) more: see report.md", x: left,
        y: bottom, style: "quiet")
      bottom += Self.rowHeight
    }
    return bottom + 10
  }

  private func draw(
    _ suspect: TrainingReport.Suspect, into drawing: inout SVGDrawing, left: Double, y: Double
  ) {
    for (text, start, end) in [
      (suspect.name, 0, Self.label), (suspect.label, Self.label, Self.answer),
      (suspect.answer, Self.answer, Self.bar),
    ] {
      drawing.text(
        PlotText.fitted(text, to: end - start - Self.room, size: 12), x: left + start, y: y,
        style: "name")
    }
    BarRow(
      share: suspect.probability, interval: nil,
      text: "\(NumberText.fixed(100 * suspect.probability, 0)) %"
        + (suspect.isValidation ? " validation" : " training"), style: "wrong"
    ).draw(
      into: &drawing, left: left + Self.bar, right: left + Self.end, y: y - 4, thickness: 9)
  }
}
