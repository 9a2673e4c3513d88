import GraphIR

/// The variants of MobileNetV3 with weights published by timm, some converted from TensorFlow.
extension MobileNetV3 {
  /// timm's first MobileNetV3-Large, from before the release of the paper's code.
  ///
  /// Squeeze-excite's width is a quarter without rounding, its activation that of the bottleneck; the
  /// first bottleneck has no shortcut, the hidden layer no biases. Source: timm's `mobilenetv3.py`.
  package static func earlyLargeGraph(_ configuration: ModelConfiguration) -> Graph {
    var rows = large.table(divisor: 1)
    rows[0][0].hasShortcut = false
    var details = Details()
    (details.roundsSqueeze, details.squeezeActivation) = (false, nil)
    details.hiddenHasBias = false
    return graph(
      name: "mobilenetv3-large-rw", table: rows, hidden: large.hidden, details: details,
      configuration)
  }

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
  ///
  /// - Parameters:
  ///   - repeats: The rows of each stage, if some are repeated to make the network deeper; the last
  ///     convolution is then repeated too.
  package func graph(
    depth factor: Double, name: String? = nil, repeats: [[Int]]? = nil,
    _ configuration: ModelConfiguration
  ) -> Graph {
    func scaled(_ width: Int) -> Int { makeDivisible(Double(width) * factor) }
    var stages = table(divisor: 1)
    if let repeats { stages = zip(stages, repeats).map { stage, rows in rows.map { stage[$0] } } }
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
    var details = Details()
    details.headConvolutions = repeats == nil ? 1 : 2
    return Self.graph(
      name: name ?? "mobilenetv3-\(rawValue)-\(factor)", table: scaledStages, hidden: hidden,
      details: details, configuration)
  }

  /// timm's Large of 1.5 times the width and 1.2 times the depth.
  ///
  /// timm's scaling adds a repetition to each stage, to that of the last convolution too, starting with
  /// the rows that are repeated already.
  package static func largeDeepGraph(_ configuration: ModelConfiguration) -> Graph {
    large.graph(
      depth: 1.5, name: "mobilenetv3-large-1.5d",
      repeats: [
        [0, 0], [0, 1, 1], [0, 1, 1, 1], [0, 1, 1, 2, 2], [0, 1, 1], [0, 1, 1, 1],
      ], configuration)
  }
}
