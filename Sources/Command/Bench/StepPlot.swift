import CNNZoo

/// Where the time of a training step goes: a bar for each stage, divided by kind of work, with a mark
/// at its bound.
struct StepPlot {
  private let key: BenchKey
  private let step: StepBreakdown
  /// Milliseconds.
  private let axis: PlotAxis

  private static let rowHeight = 26.0
  private static let barHeight = 15.0
  private static let chart = BenchPlot.chart

  /// A bar.
  private struct Row {
    let name: String
    let detail: String
    /// The seconds of each kind of work, in the order of the step.
    let works: [(work: TrainingWork, seconds: Double)]
    let boundSeconds: Double

    var seconds: Double { works.reduce(0) { $0 + $1.seconds } }
  }

  init(_ result: BenchResult, _ step: StepBreakdown) {
    (key, self.step) = (result.key, step)
    let longest = Self.rows(step).map(\.seconds).max() ?? 0
    axis = PlotAxis(linear: 0...1040 * longest)
  }

  private static func rows(_ step: StepBreakdown) -> [Row] {
    let stages = step.stages.map { stage in
      let layers = step.layers[stage.layers]
      let works = TrainingWork.allCases.map { work in
        (
          work: work,
          seconds: layers.flatMap(\.works).filter { $0.work == work }.reduce(0) { $0 + $1.seconds }
        )
      }
      return Row(
        name: stage.name, detail: stage.blocks, works: works,
        boundSeconds: stage.part.boundSeconds)
    }
    let whole = Row(
      name: "parameters", detail: "", works: step.wholes.map { ($0.work, $0.seconds) },
      boundSeconds: step.wholes.reduce(0) { $0 + ($1.boundSeconds ?? 0) })
    return stages + [whole]
  }

  /// Draws the chart below `top`, and returns its lower end.
  func draw(into drawing: inout SVGDrawing, top: Double, withLegend: Bool) -> Double {
    let rows = Self.rows(step)
    drawing.text(
      "\(key.model), \(key.threadsAndBatch): where the time goes", x: BenchPlot.margin, y: top,
      style: "strong")
    let start = (withLegend ? drawLegend(into: &drawing, top: top + 20) : top + 4) + 14
    let end = start + Double(rows.count) * Self.rowHeight
    for tick in axis.ticks {
      let x = x(tick)
      drawing.line(from: (x, start - 4), to: (x, end), style: "grid")
      drawing.text(axis.label(of: tick), x: x, y: end + 14, style: "quiet", anchor: .middle)
    }
    drawing.text(
      "milliseconds", x: Self.chart.upperBound, y: end + 30, style: "quiet", anchor: .end)
    for (index, row) in rows.enumerated() {
      draw(row, top: start + Double(index) * Self.rowHeight, into: &drawing)
    }
    drawing.line(
      from: (Self.chart.lowerBound, start - 4), to: (Self.chart.lowerBound, end), style: "ground")
    return end + 32
  }

  private func draw(_ row: Row, top: Double, into drawing: inout SVGDrawing) {
    let text = top + 12
    drawing.text(row.name, x: BenchPlot.margin, y: text, style: "name")
    drawing.text(row.detail, x: BenchPlot.margin + 76, y: text, style: "quiet")
    var from = 0.0
    for (work, seconds) in row.works where seconds > 0 {
      drawing.rectangle(
        x: x(1000 * from), y: top, width: x(1000 * (from + seconds)) - x(1000 * from),
        height: Self.barHeight, style: work.style)
      from += seconds
    }
    if row.boundSeconds > 0 {
      let bound = x(1000 * row.boundSeconds)
      drawing.line(
        from: (bound, top - 3), to: (bound, top + Self.barHeight + 3), style: "bound")
    }
    let share = step.seconds > 0 ? 100 * row.seconds / step.seconds : 0
    let bound =
      row.seconds > 0
      ? ", \(NumberText.fixed(100 * row.boundSeconds / row.seconds, 0)) % of bound" : ""
    drawing.text(
      "\(NumberText.fixed(1000 * row.seconds, 1)) ms", x: Self.chart.upperBound + 84, y: text,
      style: "name", anchor: .end)
    drawing.text(
      "\(NumberText.fixed(share, 0)) % of the step\(bound)", x: Self.chart.upperBound + 94,
      y: text, style: "quiet")
  }

  /// A sample of each colour, in two lines, forwards and backwards; returns their lower end.
  private func drawLegend(into drawing: inout SVGDrawing, top: Double) -> Double {
    var y = top
    for direction in TrainingWork.Direction.allCases {
      var x = Self.chart.lowerBound
      drawing.text(direction.legend, x: BenchPlot.margin, y: y, style: "quiet")
      for work in TrainingWork.allCases
      where work.direction == direction && work != .loss {
        drawing.rectangle(x: x, y: y - 9, width: 11, height: 11, style: work.style)
        drawing.text(work.name, x: x + 16, y: y, style: "quiet")
        x += 34 + PlotText.width(of: work.name, size: 11)
      }
      if direction == .whole {
        drawing.line(from: (x + 5, y - 11), to: (x + 5, y + 4), style: "bound")
        drawing.text("bound", x: x + 16, y: y, style: "quiet")
      }
      y += 17
    }
    return y - 8
  }

  /// The horizontal coordinate of milliseconds.
  private func x(_ milliseconds: Double) -> Double {
    Self.chart.lowerBound
      + axis.position(of: milliseconds) * (Self.chart.upperBound - Self.chart.lowerBound)
  }

  static let styleSheet = """
    .product { fill: #2f6da8; }
    .normalization { fill: #9cc3e6; }
    .recomputation { fill: #c3c8ce; }
    .normalizationGradient { fill: #f0c08a; }
    .weightGradient { fill: #d9822b; }
    .inputGradient { fill: #a8501a; }
    .packing { fill: #9a8bc0; }
    .loss { fill: #c3c8ce; }
    .update { fill: #5f4b8b; }
    .bound { stroke: #1b1f24; stroke-width: 2; fill: none; }
    @media (prefers-color-scheme: dark) {
      .recomputation, .loss { fill: #6b737c; }
      .bound { stroke: #f2f4f6; }
    }
    """
}

extension TrainingWork {
  /// The class in the style sheet.
  fileprivate var style: String { "\(self)" }
}

extension TrainingWork.Direction {
  fileprivate var legend: String {
    switch self {
    case .forward: "forward"
    case .backward: "backward"
    case .whole: "parameters"
    }
  }
}
