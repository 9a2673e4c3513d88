/// A confusion matrix: a row for each class, with answers shaded by their share.
package struct ConfusionPlot {
  /// The class's name, its index, and how often its images were given each answer.
  package typealias Row = (name: String, answers: [Int: Int], index: Int)

  private let classes: [Row]
  private let subtitle: String
  /// Whether there is an extra column for answers outside the matrix.
  private let hasOthers: Bool

  private static let title = "Confusion matrix"
  private static let margin = 28.0
  /// The largest numbers of classes for which names and counts are shown.
  private static let mostNames = 50
  private static let mostCounts = 25
  private static let levels = 10

  package init(classes: [Row], subtitle: String) {
    self.classes = classes
    self.subtitle = subtitle
    let known = Set(classes.map(\.index))
    hasOthers = classes.contains { $0.answers.keys.contains { !known.contains($0) } }
  }

  /// The whole SVG file.
  package var document: String {
    var drawing = SVGDrawing()
    let count = Double(classes.count)
    let cell = min(max((640 / count).rounded(.down), 1), 44)
    let showsNames = classes.count <= Self.mostNames
    let longest = classes.map { $0.name.count }.max() ?? 0
    let names = showsNames ? min(Double(max(longest, 6)) * 6.5 + 14, 220) : 20
    let left = Self.margin + names
    let top = Self.margin + 92
    drawing.text(Self.title, x: Self.margin, y: Self.margin + 14, style: "title")
    drawing.text(subtitle, x: Self.margin, y: Self.margin + 34, style: "quiet")
    drawing.text(
      "Rows: true class. Columns: answer, in the same order. Shade: share of the row.",
      x: Self.margin, y: Self.margin + 51, style: "quiet")
    let columns = columnOfIndex
    for (row, item) in classes.enumerated() {
      let y = top + Double(row) * cell
      if showsNames {
        drawing.text(
          item.name, x: left - 8, y: y + cell / 2 + 4, style: "name", anchor: .end)
      }
      let total = item.answers.values.reduce(0, +)
      var counts = [Int](repeating: 0, count: classes.count + 1)
      for (index, count) in item.answers { counts[columns[index] ?? classes.count] += count }
      for (column, count) in counts.enumerated() where count > 0 {
        let share = Double(count) / Double(total)
        let level = min(max(Int((share * Double(Self.levels)).rounded(.up)), 1), Self.levels)
        let x = left + (Double(column) + (column == classes.count ? 0.5 : 0)) * cell
        drawing.rectangle(
          x: x, y: y, width: cell, height: cell,
          style: "\(column == row ? "right" : "wrong") level\(level)")
        if classes.count <= Self.mostCounts {
          drawing.text(
            "\(count)", x: x + cell / 2, y: y + cell / 2 + 4,
            style: level > 5 ? "count dark" : "count", anchor: .middle)
        }
      }
    }
    let (right, bottom) = (left + count * cell, top + count * cell)
    for (start, end) in [
      ((left, top), (right, top)), ((left, bottom), (right, bottom)), ((left, top), (left, bottom)),
      ((right, top), (right, bottom)),
    ] { drawing.line(from: start, to: end, style: "frame") }
    if showsNames && cell >= 11 {
      for column in classes.indices {
        drawing.text(
          "\(column + 1)", x: left + (Double(column) + 0.5) * cell, y: top - 8, style: "quiet",
          anchor: .middle)
        drawing.text(
          "\(column + 1)", x: right + (hasOthers ? 1.5 * cell : 0) + 10,
          y: top + (Double(column) + 0.5) * cell + 4, style: "quiet")
      }
    }
    if hasOthers {
      drawing.text("others", x: right + cell, y: top - 8, style: "quiet", anchor: .middle)
    }
    return drawing.document(
      width: max(right + (hasOthers ? 1.5 * cell : 0) + 36 + Self.margin, 560),
      height: bottom + Self.margin, title: Self.title, styleSheet: Self.styleSheet)
  }

  private var columnOfIndex: [Int: Int] {
    Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1.index, $0) })
  }

  private static let styleSheet: String = {
    let levels = (1...Self.levels).map { level in
      ".level\(level) { fill-opacity: \(NumberText.fixed(Double(level) / 10, 1)); }"
    }.joined(separator: "\n")
    return """
      text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
      .paper { fill: #ffffff; }
      .title { font-size: 17px; font-weight: 600; fill: #1b1f24; }
      .name { fill: #1b1f24; }
      .quiet { fill: #656d76; font-size: 11px; }
      .frame { stroke: #b6bcc4; stroke-width: 1; fill: none; }
      .right { fill: #3b6ea5; }
      .wrong { fill: #b3541e; }
      .count { fill: #1b1f24; font-size: 11px; }
      .dark { fill: #ffffff; }
      \(levels)
      @media (prefers-color-scheme: dark) {
        .paper { fill: #14171c; }
        .title, .name, .count { fill: #e6e9ed; }
        .quiet { fill: #9aa3ad; }
        .frame { stroke: #4b535d; }
        .right { fill: #7fb0e0; }
        .wrong { fill: #e08a55; }
        .dark { fill: #14171c; }
      }
      """
  }()
}
