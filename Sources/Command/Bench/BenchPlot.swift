import CNNZoo

extension BenchReport {
  /// The distributions, and the steps where they were measured, as an SVG file.
  package var plot: String {
    var drawing = SVGDrawing()
    var height = BenchPlotStyle.margin
    LatencyPlot(results, subtitle: machine).draw(into: &drawing, top: &height)
    for result in results {
      if let layers = result.layers {
        height += BenchPlotStyle.gap
        LayerPlot(result.key, layers).draw(into: &drawing, top: &height)
      }
    }
    return drawing.document(
      width: BenchPlotStyle.width, height: height + BenchPlotStyle.margin, title: LatencyPlot.title,
      styleSheet: BenchPlotStyle.sheet)
  }

  private var machine: String {
    "cnnzoo \(cnnzooVersion) on \(environment.processor), \(environment.instructionSet)"
  }
}

/// What the parts of a plot have in common.
enum BenchPlotStyle {
  static let width = 1030.0
  static let margin = 28.0
  /// Between two charts.
  static let gap = 44.0
  /// Where the names at the left end, and the figures at the right begin.
  static let chart = 250.0...724.0

  static let sheet = """
    text { font: 12px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
    .paper { fill: #ffffff; }
    .title { font-size: 17px; font-weight: 600; fill: #1b1f24; }
    .strong { font-weight: 600; fill: #1b1f24; }
    .plain { fill: #1b1f24; }
    .quiet { fill: #656d76; font-size: 11px; }
    .grid { stroke: #e4e7eb; stroke-width: 1; fill: none; }
    .ground { stroke: #b6bcc4; stroke-width: 1; fill: none; }
    .hill { fill: #3b6ea5; fill-opacity: 0.22; stroke: #3b6ea5; stroke-width: 1.25; }
    .median { stroke: #1f4f82; stroke-width: 2; fill: none; }
    .round { fill: #3b6ea5; fill-opacity: 0.75; }
    .earlier { fill: none; stroke: #8a929b; stroke-width: 1.25; }
    .compute { fill: #3b6ea5; }
    .memory { fill: #b7791f; }
    .over { fill: #d6dbe1; }
    .compute-text { fill: #3b6ea5; font-size: 11px; font-weight: 600; }
    .memory-text { fill: #96620f; font-size: 11px; font-weight: 600; }
    @media (prefers-color-scheme: dark) {
      .paper { fill: #14171c; }
      .title, .strong, .plain { fill: #e6e9ed; }
      .quiet { fill: #9aa3ad; }
      .grid { stroke: #2a2f37; }
      .ground { stroke: #4b535d; }
      .hill { fill: #7fb0e0; stroke: #7fb0e0; }
      .median { stroke: #b7d5f3; }
      .round { fill: #7fb0e0; }
      .earlier { stroke: #8a929b; }
      .compute { fill: #6fa3d8; }
      .memory { fill: #d9a04a; }
      .over { fill: #39404a; }
      .compute-text { fill: #7fb0e0; }
      .memory-text { fill: #e0a95a; }
    }
    """

  /// Lines from `top` to `bottom` at every tick, with their values below, the last with its unit.
  static func drawAxis(
    _ axis: PlotAxis, unit: String, from top: Double, to bottom: Double,
    into drawing: inout SVGDrawing
  ) {
    for tick in axis.ticks {
      let x = place(axis.position(of: tick))
      drawing.line(from: (x, top), to: (x, bottom), style: "grid")
      drawing.text(axis.label(of: tick), x: x, y: bottom + 16, style: "quiet", anchor: .middle)
    }
    drawing.text(unit, x: chart.upperBound, y: bottom + 32, style: "quiet", anchor: .end)
  }

  /// The horizontal coordinate of a place on an axis.
  static func place(_ position: Double) -> Double {
    chart.lowerBound + position * (chart.upperBound - chart.lowerBound)
  }

  /// Milliseconds with three significant digits.
  static func milliseconds(_ seconds: Double) -> String {
    let value = 1000 * seconds
    let decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : value >= 0.1 ? 3 : 4
    return "\(NumberText.fixed(value, decimals)) ms"
  }
}
