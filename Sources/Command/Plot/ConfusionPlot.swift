/// A confusion matrix: a row for each class, with answers shaded by their share.
package struct ConfusionPlot {
  /// The class's name, its index, and how often its images were given each answer.
  package typealias Row = (name: String, answers: [Int: Int], index: Int)

  private let classes: [Row]
  /// Whether there is an extra column for answers outside the matrix.
  private let hasOthers: Bool
  private let widestName: Double
  /// The side of a cell.
  package let cell: Double

  private static let title = "Confusion matrix"
  private static let margin = 28.0
  /// The largest numbers of classes for which names and counts are shown.
  private static let mostNames = 50
  private static let mostCounts = 25
  private static let levels = 10

  package static let caption =
    "Rows: true class. Columns: answer, in the same order. Shade: share of the row."

  /// - Parameters:
  ///   - width: The largest width of the cells together; they have at least one pixel.
  ///   - widestName: Longer names are shortened to this width.
  package init(classes: [Row], width: Double = 640, widestName: Double = 220) {
    (self.classes, self.widestName) = (classes, widestName)
    let known = Set(classes.map(\.index))
    hasOthers = classes.contains { $0.answers.keys.contains { !known.contains($0) } }
    cell = min(max((width / Double(classes.count)).rounded(.down), 1), 44)
  }

  private var showsNames: Bool { classes.count <= Self.mostNames }

  private var showsCounts: Bool {
    let most = classes.flatMap(\.answers.values).max() ?? 0
    return classes.count <= Self.mostCounts && PlotText.width(of: "\(most)", size: 11) < cell
  }

  /// The width of the names before the cells.
  package var nameWidth: Double {
    guard showsNames else { return 20 }
    let longest = classes.map { PlotText.width(of: $0.name.terminalSafe(), size: 12) }.max() ?? 0
    return min(max(longest, 40), widestName) + 14
  }

  /// The width and height of the cells together.
  package var side: Double { Double(classes.count) * cell }

  /// The width of what follows the cells: numbers, and the column of other answers.
  package var tail: Double { (hasOthers ? 1.5 * cell : 0) + 36 }

  /// A whole SVG file.
  package func document(subtitle: String) -> String {
    var drawing = SVGDrawing()
    let left = Self.margin + nameWidth
    let top = Self.margin + 92
    drawing.text(Self.title, x: Self.margin, y: Self.margin + 14, style: "title")
    drawing.text(subtitle, x: Self.margin, y: Self.margin + 34, style: "quiet")
    drawing.text(Self.caption, x: Self.margin, y: Self.margin + 51, style: "quiet")
    draw(into: &drawing, left: left, top: top)
    return drawing.document(
      width: max(left + side + tail + Self.margin, 560), height: top + side + Self.margin,
      title: Self.title, styleSheet: Self.styleSheet)
  }

  /// Draws the matrix; `left` and `top` are those of the first cell.
  package func draw(into drawing: inout SVGDrawing, left: Double, top: Double) {
    let (columns, showsCounts) = (columnOfIndex, showsCounts)
    for (row, item) in classes.enumerated() {
      let y = top + Double(row) * cell
      if showsNames {
        drawing.text(
          PlotText.fitted(item.name, to: nameWidth - 14, size: 12), x: left - 8,
          y: y + cell / 2 + 4, style: "name", anchor: .end)
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
        if showsCounts {
          drawing.text(
            "\(count)", x: x + cell / 2, y: y + cell / 2 + 4,
            style: level > 5 ? "count dark" : "count", anchor: .middle)
        }
      }
    }
    drawFrame(into: &drawing, left: left, top: top)
  }

  private func drawFrame(into drawing: inout SVGDrawing, left: Double, top: Double) {
    let (right, bottom) = (left + side, top + side)
    drawing.path(
      [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)], style: "frame")
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
  }

  private var columnOfIndex: [Int: Int] {
    Dictionary(uniqueKeysWithValues: classes.enumerated().map { ($1.index, $0) })
  }

  package static let styleSheet: String = {
    let levels = (1...Self.levels).map { level in
      ".level\(level) { fill-opacity: \(NumberText.fixed(Double(level) / 10, 1)); }"
    }.joined(separator: "\n")
    return """
      .right { fill: #3b6ea5; }
      .wrong { fill: #b3541e; }
      .count { fill: #1b1f24; font-size: 11px; }
      .dark { fill: #ffffff; }
      \(levels)
      @media (prefers-color-scheme: dark) {
        .right { fill: #7fb0e0; }
        .wrong { fill: #e08a55; }
        .count { fill: #e6e9ed; }
        .dark { fill: #14171c; }
      }
      """
  }()
}
