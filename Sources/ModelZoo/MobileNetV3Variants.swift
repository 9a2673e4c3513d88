import GraphIR

/// The forms of MobileNetV3 whose published weights come from TensorFlow by way of timm.
extension MobileNetV3 {
  /// How many consecutive bottlenecks of the table have one output width, stage by stage.
  package var stageDepths: [Int] {
    var depths: [Int] = []
    var width = 0
    for row in table(divisor: 1) {
      if row.output == width {
        depths[depths.count - 1] += 1
      } else {
        depths.append(1)
        width = row.output
      }
    }
    return depths
  }

  /// The "minimalistic" form: no squeeze-excite, no 5×5 kernel, ReLU everywhere.
  package func minimalGraph(_ configuration: ModelConfiguration) -> Graph {
    let rows = table(divisor: 1).map { row in
      var row = row
      row.kernel = 3
      row.squeezeExcites = false
      row.activation = .relu
      return row
    }
    return Self.graph(
      name: "mobilenetv3-\(rawValue)-minimal", table: rows, hidden: hidden, activation: .relu,
      configuration)
  }

  /// The network with a depth multiplier, as TensorFlow's code scales it: bottlenecks keep their
  /// *ratio* of expansion, the hidden layer its width, and below 0.75 the stem its width too.
  ///
  /// torchvision scales every width by itself: `ModelConfiguration.widthMultiplier` does that.
  package func graph(depth factor: Double, _ configuration: ModelConfiguration) -> Graph {
    func scaled(_ width: Int) -> Int { makeDivisible(Double(width) * factor) }
    let rows = table(divisor: 1)
    var input = factor < 0.75 ? rows[0].input : scaled(rows[0].input)
    let scaledRows = rows.map { row in
      var next = row
      next.input = input
      next.expanded = makeDivisible(Double(input) * Double(row.expanded) / Double(row.input))
      next.output = scaled(row.output)
      input = next.output
      return next
    }
    return Self.graph(
      name: "mobilenetv3-\(rawValue)-\(factor)", table: scaledRows, hidden: hidden, configuration)
  }
}
