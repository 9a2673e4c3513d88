import CNNZoo
import Glibc

/// Loss, accuracy, learning rate and image size of a run over its epochs.
struct TrainingCurves {
  private let report: TrainingReport
  private let epochs: [TrainingHistory.Epoch]
  private let axis: PlotAxis

  /// Lines of more points are drawn as means of neighbouring ones.
  private static let mostPoints = 300
  /// Epochs are marked up to this many.
  private static let mostMarks = 30

  init(_ report: TrainingReport) {
    self.report = report
    epochs = report.history.epochs
    let last = report.history.steps.last.map { $0.epoch + 1 } ?? 1
    axis = PlotAxis(linear: 0...Double(max(last, epochs.count, 1)), isWhole: true)
  }

  /// The charts, in the order of reading.
  var charts: [LineChart] { [loss, accuracy, learningRate, imageSize] }

  private func chart(_ title: String, _ lines: [LineChart.Line], _ vertical: PlotAxis) -> LineChart
  {
    LineChart(title, lines, horizontal: axis, vertical: vertical, unit: "epoch")
  }

  private var loss: LineChart {
    let steps = report.history.steps.map { (x: position($0), y: $0.loss) }
    let sorted = steps.map(\.y).filter(\.isFinite).sorted()
    // A single step must not flatten the rest.
    let usual = sorted.isEmpty ? [] : [sorted[sorted.count / 50], sorted[sorted.count * 49 / 50]]
    let values =
      usual + epochs.map(\.trainLoss) + epochs.compactMap { $0.validation?.logLoss }
    return chart(
      "Loss",
      [
        LineChart.Line(nil, style: "train step", points: Self.thinned(steps)),
        line("training", style: "train") { $0.trainLoss },
        line("validation (log loss)", style: "valid") { $0.validation?.logLoss },
      ], Self.axis(values, share: 0.08, within: 0...(.infinity)))
  }

  private var accuracy: LineChart {
    let intervals = epochs.compactMap(\.validation).map { validation in
      let correct = Int((validation.accuracy * Double(validation.images)).rounded())
      let interval = Evaluation.wilsonInterval(successes: correct, of: validation.images)
      return 100 * interval.lowerBound...100 * interval.upperBound
    }
    var lines = [line("training", style: "train") { 100 * $0.trainAccuracy }]
    lines.append(
      line("validation, 95 % interval", style: "valid", ranges: intervals) {
        $0.validation.map { 100 * $0.accuracy }
      })
    var values = epochs.map { 100 * $0.trainAccuracy }
    values += intervals.flatMap { [$0.lowerBound, $0.upperBound] }
    if let head = report.head {
      let share = 100 * head.accuracy
      values.append(share)
      lines.append(
        LineChart.Line(
          "closed-form head", style: "head",
          points: [(axis.domain.lowerBound, share), (axis.domain.upperBound, share)]))
    }
    return chart("Accuracy, %", lines, Self.axis(values, share: 0.05, within: 0...100))
  }

  private var learningRate: LineChart {
    let most = report.history.steps.map(\.learningRate).filter(\.isFinite).max() ?? 0
    // 0.0003 is 3 × 10⁻⁴.
    let exponent = most > 0 && most < 0.1 ? Int(floor(log10(most) + 1e-9)) : 0
    let scale = pow(10, Double(-exponent))
    let points = report.history.steps.map { (x: position($0), y: scale * $0.learningRate) }
    return chart(
      "Learning rate" + (exponent == 0 ? "" : ", × 10\(Self.superscript(exponent))"),
      [LineChart.Line(nil, style: "rate", points: Self.sampled(points))],
      PlotAxis(linear: 0...(most > 0 ? 1.08 * scale * most : 1)))
  }

  private var imageSize: LineChart {
    let constant = report.header.identity.configuration.imageSize
    let sizes = epochs.map { Double($0.imageSize ?? constant) }
    // An epoch in progress has the size of the one before it.
    let all =
      sizes + (axis.domain.upperBound > Double(sizes.count) ? [sizes.last ?? Double(constant)] : [])
    let points = all.enumerated().flatMap { [(Double($0), $1), (Double($0 + 1), $1)] }
    let (low, high) = (all.min() ?? 1, all.max() ?? 1)
    // A few sizes are worth their exact values.
    let different = Set(all).sorted()
    let room = max(8, 0.2 * (high - low))
    let isDense = zip(different.dropFirst(), different).contains { $0 - $1 < 0.1 * (high - low) }
    return chart(
      "Image size, pixels", [LineChart.Line(nil, style: "rate", points: points)],
      PlotAxis(
        linear: max(0, low - room)...high + room, ticks: isDense ? nil : different, isWhole: true))
  }

  private func line(
    _ name: String, style: String, ranges: [ClosedRange<Double>] = [],
    _ value: (TrainingHistory.Epoch) -> Double?
  ) -> LineChart.Line {
    let points = epochs.compactMap { epoch in
      value(epoch).map { (x: Double(epoch.epoch + 1), y: $0) }
    }
    return LineChart.Line(
      name, style: style, points: points, ranges: ranges, hasMarks: epochs.count <= Self.mostMarks)
  }

  /// Epochs done after a step.
  private func position(_ step: TrainingHistory.Step) -> Double {
    Double(step.epoch) + min(1, Double(step.step + 1) / Double(report.stepsPerEpoch))
  }

  /// An axis for values, with room above and below them.
  private static func axis(
    _ values: [Double], share: Double, within limits: ClosedRange<Double>
  ) -> PlotAxis {
    let values = values.filter(\.isFinite)
    let (low, high) = (values.min() ?? 0, values.max() ?? 1)
    let room = max(share * (high - low), 0.01 * high, 1e-3)
    return PlotAxis(
      linear: max(limits.lowerBound, low - room)...min(limits.upperBound, high + room))
  }

  /// Means of neighbouring points.
  private static func thinned(_ points: [LineChart.Point]) -> [LineChart.Point] {
    let points = points.filter { $0.y.isFinite }
    let count = (points.count + mostPoints - 1) / mostPoints
    guard count > 1 else { return points }
    return stride(from: 0, to: points.count, by: count).map { start in
      let part = points[start..<min(start + count, points.count)]
      let number = Double(part.count)
      return (part.reduce(0) { $0 + $1.x } / number, part.reduce(0) { $0 + $1.y } / number)
    }
  }

  /// Some of the points, the first and the last among them.
  private static func sampled(_ points: [LineChart.Point]) -> [LineChart.Point] {
    let count = (points.count + mostPoints - 1) / mostPoints
    guard count > 1, let last = points.last else { return points }
    return stride(from: 0, to: points.count - 1, by: count).map { points[$0] } + [last]
  }

  private static func superscript(_ number: Int) -> String {
    let digits = Array("⁰¹²³⁴⁵⁶⁷⁸⁹")
    return (number < 0 ? "⁻" : "")
      + String("\(number.magnitude)".compactMap { $0.wholeNumberValue.map { digits[$0] } })
  }

  static let styleSheet = """
    .line { stroke: currentColor; stroke-width: 2; stroke-linejoin: round; fill: none; }
    .mark { fill: currentColor; }
    .band { fill: currentColor; fill-opacity: 0.15; }
    .train { color: #b3541e; }
    .valid { color: #3b6ea5; }
    .head { color: #6f7781; stroke-dasharray: 5 4; stroke-width: 1.5; }
    .rate { color: #55606b; }
    .step { stroke-width: 1; stroke-opacity: 0.35; }
    @media (prefers-color-scheme: dark) {
      .train { color: #e08a55; }
      .valid { color: #7fb0e0; }
      .head { color: #98a1ab; }
      .rate { color: #b4bcc5; }
    }
    """
}
