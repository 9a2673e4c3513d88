import CNNZoo

/// The latency distributions of all measurements, stacked on a common axis.
struct LatencyPlot {
  private let results: [BenchResult]
  /// Milliseconds.
  private let axis: PlotAxis

  private static let margin = BenchPlot.margin
  private static let chart = BenchPlot.chart
  private static let rowHeight = 66.0
  private static let hillHeight = 34.0

  /// - Precondition: There is at least one result.
  init(_ results: [BenchResult]) {
    self.results = results
    // A single run ten times as long as the others must not squeeze them into a corner; the label
    // reports the runs beyond the chart.
    let low = results.map { min($0.seconds.minimum, $0.earliest) }.min() ?? 0
    let high = results.map { max($0.seconds.percentile(98), $0.latest) }.max() ?? 1
    axis = PlotAxis(covering: 1000 * low...1000 * high)
  }

  /// Draws the rows below `top`, with the axis, and returns their lower end.
  func draw(into drawing: inout SVGDrawing, top: Double) -> Double {
    drawing.text(legend, x: Self.margin, y: top, style: "quiet")
    let start = top + 17
    let end = start + Double(results.count) * Self.rowHeight
    drawAxis(from: start, to: end, into: &drawing)
    for (index, result) in results.enumerated() {
      draw(result, ground: start + Double(index) * Self.rowHeight + 44, into: &drawing)
    }
    return end + 34
  }

  private var legend: String {
    "Hills: distribution of times. Line: median. Dots: median of each round"
      + (results.contains { $0.comparison != nil } ? "; circles: earlier run." : ".")
  }

  /// A labelled grid line at every tick, and the unit.
  private func drawAxis(from top: Double, to bottom: Double, into drawing: inout SVGDrawing) {
    for tick in axis.ticks {
      let x = Self.x(axis.position(of: tick))
      drawing.line(from: (x, top), to: (x, bottom), style: "grid")
      drawing.text(axis.label(of: tick), x: x, y: bottom + 16, style: "quiet", anchor: .middle)
    }
    drawing.text(
      axis.isLogarithmic ? "milliseconds, logarithmic" : "milliseconds", x: Self.chart.upperBound,
      y: bottom + 32, style: "quiet", anchor: .end)
  }

  private func draw(_ result: BenchResult, ground: Double, into drawing: inout SVGDrawing) {
    drawing.line(
      from: (Self.chart.lowerBound, ground), to: (Self.chart.upperBound, ground), style: "ground")
    let milliseconds = SampleStatistics(result.seconds.samples.map { 1000 * $0 })
    let outline = DensityCurve(milliseconds, on: axis).points.map { point in
      (x: Self.x(point.position), y: ground - Self.hillHeight * point.height)
    }
    if let first = outline.first, let last = outline.last {
      drawing.path([(first.x, ground)] + outline + [(last.x, ground)], style: "hill")
    }
    let median = x(of: result.seconds.percentile(50))
    drawing.line(
      from: (median, ground - Self.hillHeight - 3), to: (median, ground), style: "median")
    for seconds in result.comparison?.earlierRoundMedians ?? [] {
      drawing.circle(x: x(of: seconds), y: ground + 14, radius: 2.5, style: "earlier")
    }
    for seconds in result.rounds.medians {
      drawing.circle(x: x(of: seconds), y: ground + 6, radius: 2.5, style: "round")
    }
    label(result, ground: ground, into: &drawing)
  }

  private func label(_ result: BenchResult, ground: Double, into drawing: inout SVGDrawing) {
    let (key, seconds) = (result.key, result.seconds)
    let left = Self.margin
    drawing.text(key.model, x: left, y: ground - 12, style: "strong")
    drawing.text(
      "\(key.threadsAndBatch), \(NumberText.count(seconds.samples.count, "run"))", x: left,
      y: ground + 4, style: "quiet")
    let right = Self.chart.upperBound + 16
    let text = Self.milliseconds
    drawing.text(text(seconds.percentile(50)), x: right, y: ground - 24, style: "strong")
    drawing.text(
      "min \(text(seconds.minimum)), p99 \(text(seconds.percentile(99)))", x: right,
      y: ground - 8, style: "quiet")
    if let comparison = result.comparison {
      drawing.text(
        "\(NumberText.fixed(comparison.ratio.ratio, 3)) × earlier: \(comparison.verdict.rawValue)",
        x: right, y: ground + 8, style: "quiet")
    }
    let beyond = seconds.samples.count { 1000 * $0 > axis.domain.upperBound }
    if beyond > 0 {
      drawing.text(
        "\(beyond) beyond the chart, up to \(text(seconds.percentile(100)))", x: left,
        y: ground + 19, style: "quiet")
    }
  }

  /// The horizontal coordinate of a position on the axis.
  private static func x(_ position: Double) -> Double {
    chart.lowerBound + position * (chart.upperBound - chart.lowerBound)
  }

  private func x(of seconds: Double) -> Double {
    Self.x(min(max(axis.position(of: 1000 * seconds), 0), 1))
  }

  /// Milliseconds with three significant digits.
  private static func milliseconds(_ seconds: Double) -> String {
    let value = 1000 * seconds
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4
    return "\(NumberText.fixed(value, decimals)) ms"
  }

  static let styleSheet = """
    .hill { fill: #3b6ea5; fill-opacity: 0.22; stroke: #3b6ea5; stroke-width: 1.25; }
    .median { stroke: #1f4f82; stroke-width: 2; fill: none; }
    .round { fill: #3b6ea5; fill-opacity: 0.75; }
    .earlier { fill: none; stroke: #8a929b; stroke-width: 1.25; }
    @media (prefers-color-scheme: dark) {
      .hill { fill: #7fb0e0; stroke: #7fb0e0; }
      .median { stroke: #b7d5f3; }
      .round { fill: #7fb0e0; }
      .earlier { stroke: #8a929b; }
    }
    """
}

extension BenchResult {
  /// The smallest and largest round median, including those of the earlier run.
  fileprivate var earliest: Double { allMedians.min() ?? 0 }
  fileprivate var latest: Double { allMedians.max() ?? 0 }
  private var allMedians: [Double] {
    rounds.medians + (comparison?.earlierRoundMedians ?? [])
  }
}
