import CNNZoo

/// A chart of how the times of each measurement are distributed, one below the other on one axis.
struct LatencyPlot {
  private let results: [BenchResult]
  private let subtitle: String
  /// Milliseconds.
  private let axis: PlotAxis

  static let title = "Time of a run"
  private static let rowHeight = 66.0
  private static let hillHeight = 34.0

  /// - Precondition: there is a result.
  init(_ results: [BenchResult], subtitle: String) {
    self.results = results
    self.subtitle = subtitle
    // One run that took ten times as long must not press all others into a corner: what lies beyond
    // is told in words.
    let low = results.map { min($0.seconds.minimum, $0.earliest) }.min() ?? 0
    let high = results.map { max($0.seconds.percentile(98), $0.latest) }.max() ?? 1
    axis = PlotAxis(covering: 1000 * low...1000 * high)
  }

  /// Draws below `top`, which becomes the chart's lower end.
  func draw(into drawing: inout SVGDrawing, top: inout Double) {
    let left = BenchPlotStyle.margin
    drawing.text(Self.title, x: left, y: top + 14, style: "title")
    drawing.text(subtitle, x: left, y: top + 34, style: "quiet")
    drawing.text(legend, x: left, y: top + 51, style: "quiet")
    let start = top + 68
    let end = start + Double(results.count) * Self.rowHeight
    let unit = axis.isLogarithmic ? "milliseconds, logarithmic" : "milliseconds"
    BenchPlotStyle.drawAxis(axis, unit: unit, from: start, to: end, into: &drawing)
    for (index, result) in results.enumerated() {
      draw(result, ground: start + Double(index) * Self.rowHeight + 44, into: &drawing)
    }
    top = end + 34
  }

  private var legend: String {
    "Hills: how often each time occurred. Line: the median. Dots: the median of each round"
      + (results.contains { $0.comparison != nil } ? "; circles: of the earlier run." : ".")
  }

  private func draw(_ result: BenchResult, ground: Double, into drawing: inout SVGDrawing) {
    let chart = BenchPlotStyle.chart
    drawing.line(
      from: (chart.lowerBound, ground), to: (chart.upperBound, ground), style: "ground")
    let curve = DensityCurve(result.milliseconds(of: result.seconds), on: axis).points
    let outline = curve.map { point in
      (x: BenchPlotStyle.place(point.place), y: ground - Self.hillHeight * point.height)
    }
    if let first = outline.first, let last = outline.last {
      drawing.path([(first.x, ground)] + outline + [(last.x, ground)], style: "hill")
    }
    let median = place(result.seconds.percentile(50))
    drawing.line(
      from: (median, ground - Self.hillHeight - 3), to: (median, ground), style: "median")
    for seconds in result.comparison?.earlierRoundMedians ?? [] {
      drawing.circle(x: place(seconds), y: ground + 14, radius: 2.5, style: "earlier")
    }
    for seconds in result.rounds.medians {
      drawing.circle(x: place(seconds), y: ground + 6, radius: 2.5, style: "round")
    }
    label(result, ground: ground, into: &drawing)
  }

  private func label(_ result: BenchResult, ground: Double, into drawing: inout SVGDrawing) {
    let (key, seconds) = (result.key, result.seconds)
    let left = BenchPlotStyle.margin
    drawing.text(key.model, x: left, y: ground - 12, style: "strong")
    drawing.text(
      "\(key.threadsAndBatch), \(seconds.samples.count) runs", x: left, y: ground + 4,
      style: "quiet")
    let right = BenchPlotStyle.chart.upperBound + 16
    let text = BenchPlotStyle.milliseconds
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

  private func place(_ seconds: Double) -> Double {
    BenchPlotStyle.place(min(max(axis.position(of: 1000 * seconds), 0), 1))
  }
}

extension BenchResult {
  /// The least and the greatest median of a round, those of the earlier run included.
  fileprivate var earliest: Double { allMedians.min() ?? 0 }
  fileprivate var latest: Double { allMedians.max() ?? 0 }
  private var allMedians: [Double] {
    rounds.medians + (comparison?.earlierRoundMedians ?? [])
  }

  fileprivate func milliseconds(of seconds: SampleStatistics) -> SampleStatistics {
    SampleStatistics(seconds.samples.map { 1000 * $0 })
  }
}
