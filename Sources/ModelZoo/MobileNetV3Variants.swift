import GraphIR

/// The variants of MobileNetV3 with published weights from TensorFlow, converted by timm.
extension MobileNetV3 {
  /// The "minimalistic" variant: no squeeze-excite, no 5×5 kernel, ReLU everywhere.
  package func minimalGraph(_ configuration: ModelConfiguration) -> Graph {
    let rows = table(divisor: 1).map { stage in
      stage.map { row in
        var row = row
        row.kernel = 3
        row.squeezeExcites = false
        row.activation = .relu
        return row
      }
    }
    return Self.graph(
      name: "mobilenetv3-\(rawValue)-minimal", table: rows, hidden: hidden, activation: .relu,
      configuration)
  }

  /// The network with a depth multiplier, as TensorFlow's code scales it: bottlenecks keep their
  /// *ratio* of expansion, the hidden layer its width, and below 0.75 the stem its width too.
  ///
  /// torchvision scales every width separately, as `ModelConfiguration.widthMultiplier` does.
  package func graph(depth factor: Double, _ configuration: ModelConfiguration) -> Graph {
    func scaled(_ width: Int) -> Int { makeDivisible(Double(width) * factor) }
    let stages = table(divisor: 1)
    let stem = stages[0][0].input
    var input = factor < 0.75 ? stem : scaled(stem)
    let scaledStages = stages.map { stage in
      stage.map { row in
        var next = row
        next.input = input
        next.expanded = makeDivisible(Double(input) * Double(row.expanded) / Double(row.input))
        next.output = scaled(row.output)
        input = next.output
        return next
      }
    }
    return Self.graph(
      name: "mobilenetv3-\(rawValue)-\(factor)", table: scaledStages, hidden: hidden, configuration)
  }
}
