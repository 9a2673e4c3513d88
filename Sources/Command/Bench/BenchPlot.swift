import CNNZoo

/// The SVG file of `bench --plot`: the distributions of the times, and where a training step's time goes.
struct BenchPlot {
  private let results: [BenchResult]
  private let subtitle: String

  static let margin = 28.0
  /// Horizontal extent of the axes; names are to the left of it, figures to the right.
  static let chart = 250.0...724.0
  private static let width = 1030.0

  /// - Precondition: There is at least one result.
  init(_ results: [BenchResult], subtitle: String) {
    (self.results, self.subtitle) = (results, subtitle)
  }

  /// The whole file.
  var document: String {
    let isTraining = results.contains { $0.key.mode.recipe != nil }
    let title = isTraining ? "Training step" : "Latency"
    var drawing = SVGDrawing()
    drawing.text(title, x: Self.margin, y: Self.margin + 14, style: "title")
    drawing.text(subtitle, x: Self.margin, y: Self.margin + 34, style: "quiet")
    var end = LatencyPlot(results).draw(into: &drawing, top: Self.margin + 51)
    for (index, result) in results.enumerated() {
      guard case .step(let step)? = result.parts else { continue }
      end = StepPlot(result, step).draw(into: &drawing, top: end + 36, withLegend: index == 0)
    }
    return drawing.document(
      width: Self.width, height: end + Self.margin, title: title,
      styleSheet: LatencyPlot.styleSheet + (isTraining ? "\n" + StepPlot.styleSheet : ""))
  }
}

extension BenchReport {
  /// The results as an SVG file.
  package var plot: String {
    BenchPlot(
      results,
      subtitle: "cnnzoo \(cnnzooVersion) on \(environment.processor), \(environment.instructionSet)"
    ).document
  }
}
