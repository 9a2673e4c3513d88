/// A chart of one or several lines over a common horizontal axis, with a legend.
package struct LineChart {
  /// A point.
  package typealias Point = (x: Double, y: Double)

  /// A line of the chart.
  package struct Line {
    /// The name in the legend; `nil` for none.
    let name: String?
    /// The class of its strokes, such as `train`.
    let style: String
    let points: [Point]
    /// The range around each point, such as an interval.
    let ranges: [ClosedRange<Double>]
    /// Whether points are marked: a line through one point alone is invisible.
    let hasMarks: Bool

    package init(
      _ name: String?, style: String, points: [Point], ranges: [ClosedRange<Double>] = [],
      hasMarks: Bool = false
    ) {
      (self.name, self.style, self.hasMarks) = (name, style, hasMarks)
      let isUsable = points.map { $0.x.isFinite && $0.y.isFinite }
      self.points = zip(points, isUsable).filter(\.1).map(\.0)
      self.ranges = zip(ranges, isUsable).filter(\.1).map(\.0)
    }
  }

  /// A chart's place.
  package struct Frame {
    package var left: Double
    package var top: Double
    package var width: Double
    package var height: Double

    package init(left: Double, top: Double, width: Double, height: Double) {
      (self.left, self.top, self.width, self.height) = (left, top, width, height)
    }
  }

  private let title: String
  private let lines: [Line]
  private let (horizontal, vertical): (PlotAxis, PlotAxis)
  private let unit: String

  /// Room for the title, the legend, the vertical axis's labels and the horizontal axis's.
  private static let (head, legend, side, foot) = (26.0, 18.0, 44.0, 34.0)

  /// - Parameter unit: The horizontal axis's.
  package init(
    _ title: String, _ lines: [Line], horizontal: PlotAxis, vertical: PlotAxis, unit: String
  ) {
    (self.title, self.lines, self.unit) = (title, lines.filter { !$0.points.isEmpty }, unit)
    (self.horizontal, self.vertical) = (horizontal, vertical)
  }

  package func draw(into drawing: inout SVGDrawing, _ frame: Frame) {
    let hasLegend = lines.contains { $0.name != nil }
    let head = Self.head + (hasLegend ? Self.legend : 0)
    let inner = Frame(
      left: frame.left + Self.side, top: frame.top + head, width: frame.width - Self.side,
      height: frame.height - head - Self.foot)
    drawing.text(title, x: frame.left, y: frame.top + 12, style: "strong")
    drawLegend(into: &drawing, left: frame.left, y: frame.top + 31)
    drawAxes(into: &drawing, inner)
    guard !lines.isEmpty else {
      drawing.text(
        "no data", x: inner.left + inner.width / 2, y: inner.top + inner.height / 2,
        style: "quiet", anchor: .middle)
      return
    }
    for line in lines { draw(line, into: &drawing, inner) }
  }

  /// The names, each after a sample of its line.
  private func drawLegend(into drawing: inout SVGDrawing, left: Double, y: Double) {
    var left = left
    for line in lines {
      guard let name = line.name else { continue }
      drawing.line(from: (left, y - 4), to: (left + 18, y - 4), style: "line \(line.style)")
      if line.hasMarks {
        drawing.circle(x: left + 9, y: y - 4, radius: 2.5, style: "mark \(line.style)")
      }
      drawing.text(name, x: left + 24, y: y, style: "quiet")
      left += 40 + PlotText.width(of: name, size: 11)
    }
  }

  private func drawAxes(into drawing: inout SVGDrawing, _ inner: Frame) {
    let bottom = inner.top + inner.height
    for tick in vertical.ticks {
      let y = bottom - inner.height * vertical.position(of: tick)
      drawing.line(from: (inner.left, y), to: (inner.left + inner.width, y), style: "grid")
      drawing.text(
        vertical.label(of: tick), x: inner.left - 8, y: y + 4, style: "quiet", anchor: .end)
    }
    for tick in horizontal.ticks {
      let x = inner.left + inner.width * horizontal.position(of: tick)
      drawing.line(from: (x, bottom), to: (x, bottom + 4), style: "ground")
      drawing.text(
        horizontal.label(of: tick), x: x, y: bottom + 17, style: "quiet", anchor: .middle)
    }
    drawing.line(
      from: (inner.left, bottom), to: (inner.left + inner.width, bottom), style: "ground")
    drawing.text(
      unit, x: inner.left + inner.width, y: bottom + 31, style: "quiet", anchor: .end)
  }

  private func draw(_ line: Line, into drawing: inout SVGDrawing, _ inner: Frame) {
    func place(_ point: Point) -> Point {
      // Values beyond the axis stay at its end.
      let x = min(max(horizontal.position(of: point.x), 0), 1)
      let y = min(max(vertical.position(of: point.y), 0), 1)
      return (inner.left + inner.width * x, inner.top + inner.height * (1 - y))
    }
    let points = line.points.map(place)
    if !line.ranges.isEmpty {
      let ranges = zip(line.points, line.ranges)
      let upper = ranges.map { place(($0.x, $1.upperBound)) }
      let lower = ranges.map { place(($0.x, $1.lowerBound)) }
      if points.count == 1 {
        drawing.line(from: upper[0], to: lower[0], style: "line \(line.style)")
      } else {
        drawing.path(upper + lower.reversed(), style: "band \(line.style)")
      }
    }
    if points.count > 1 { drawing.path(points, style: "line \(line.style)") }
    guard line.hasMarks || points.count == 1 else { return }
    for point in points {
      drawing.circle(x: point.x, y: point.y, radius: 2.5, style: "mark \(line.style)")
    }
  }
}
