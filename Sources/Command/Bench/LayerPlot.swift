import CNNZoo

/// A chart of the steps that take the most time, each beside the least that the machine needs.
struct LayerPlot {
  private let key: BenchKey
  private let times: LayerTimes
  private let shown: ArraySlice<LayerTimes.Layer>
  private let axis: PlotAxis

  private static let mostSteps = 20
  private static let rowHeight = 19.0
  private static let barHeight = 11.0

  init(_ key: BenchKey, _ times: LayerTimes) {
    self.key = key
    self.times = times
    shown = times.layers.prefix(Self.mostSteps)
    axis = PlotAxis(upTo: 1000 * (shown.first?.seconds ?? 0))
  }

  /// Draws below `top`, which becomes the chart's lower end.
  func draw(into drawing: inout SVGDrawing, top: inout Double) {
    let left = BenchPlotStyle.margin
    drawing.text(
      "Steps of \(key.model), \(key.threadsAndBatch)", x: left, y: top + 14, style: "title")
    drawing.text(subtitle, x: left, y: top + 34, style: "quiet")
    drawing.text(
      [
        ("Coloured: the least this machine needs, bound ", "quiet"),
        ("by computing", "compute-text"), (" or ", "quiet"), ("by memory", "memory-text"),
        ("; grey: what the step takes beyond that.", "quiet"),
      ], x: left, y: top + 51, style: "quiet")
    let start = top + 66
    let end = start + Double(shown.count) * Self.rowHeight
    BenchPlotStyle.drawAxis(axis, unit: "milliseconds", from: start, to: end, into: &drawing)
    for (index, layer) in shown.enumerated() {
      draw(layer, top: start + Double(index) * Self.rowHeight, into: &drawing)
    }
    top = end + 34
  }

  private var subtitle: String {
    let rest = times.layers.dropFirst(shown.count)
    let all =
      "All \(times.layers.count) steps take \(BenchPlotStyle.milliseconds(times.seconds)),"
      + " at least \(BenchPlotStyle.milliseconds(times.boundSeconds)) by the bounds"
    guard !rest.isEmpty else { return all + "." }
    let seconds = rest.reduce(0) { $0 + $1.seconds }
    return all + "; the \(rest.count) that are not shown"
      + " \(BenchPlotStyle.milliseconds(seconds)), none longer than"
      + " \(BenchPlotStyle.milliseconds(rest.first?.seconds ?? 0))."
  }

  private func draw(_ layer: LayerTimes.Layer, top: Double, into drawing: inout SVGDrawing) {
    let baseline = top + 13
    let bar = top + (Self.rowHeight - Self.barHeight) / 2
    let start = BenchPlotStyle.chart.lowerBound
    func length(_ seconds: Double) -> Double {
      BenchPlotStyle.place(axis.position(of: 1000 * seconds)) - start
    }
    drawing.text(
      Self.shortened(layer.step.name), x: start - 10, y: baseline, style: "plain", anchor: .end)
    drawing.rectangle(
      x: start, y: bar, width: length(layer.seconds), height: Self.barHeight, style: "over")
    drawing.rectangle(
      x: start, y: bar, width: length(min(layer.seconds, layer.boundSeconds)),
      height: Self.barHeight, style: layer.bound.rawValue)
    let share = times.seconds > 0 ? 100 * layer.seconds / times.seconds : 0
    let right = BenchPlotStyle.chart.upperBound + 16
    drawing.text(
      BenchPlotStyle.milliseconds(layer.seconds), x: right + 58, y: baseline, style: "quiet",
      anchor: .end)
    drawing.text(
      "\(NumberText.fixed(share, 1)) %", x: right + 104, y: baseline, style: "quiet", anchor: .end)
    drawing.text(layer.step.strategy, x: right + 114, y: baseline, style: "quiet")
  }

  /// Names begin alike and end differently: the middle is what can go.
  private static func shortened(_ name: String) -> String {
    name.count <= 34 ? name : "\(name.prefix(12))…\(name.suffix(21))"
  }
}
