import GraphIR

/// The MobileNetV3 family, arXiv 1905.02244.
package enum MobileNetV3: String, CaseIterable, Sendable {
  case large, small

  /// One row of Table 1 or 2: a bottleneck.
  package struct Bottleneck: Hashable, Sendable {
    var input: Int
    var kernel: Int
    var expanded: Int
    var output: Int
    var squeezeExcites: Bool
    var activation: Activation
    var stride: Int
    /// Whether the input is added to the output, if both have the same shape.
    var hasShortcut = true

    package init(
      _ input: Int, _ kernel: Int, _ expanded: Int, _ output: Int, squeezeExcites: Bool,
      _ activation: Activation, _ stride: Int
    ) {
      self.input = input
      self.kernel = kernel
      self.expanded = expanded
      self.output = output
      self.squeezeExcites = squeezeExcites
      self.activation = activation
      self.stride = stride
    }
  }

  /// The paper's table, stage by stage: a stage is a run of bottlenecks of one output width.
  ///
  /// `divisor` is 2 for the reduced tail (the last stage's widths halved), else 1. Columns: input,
  /// kernel, expanded, output, squeeze-excite, activation, stride.
  package func table(divisor d: Int) -> [[Bottleneck]] {
    switch self {
    case .large:
      [
        [
          .init(16, 3, 16, 16, squeezeExcites: false, .relu, 1)
        ],
        [
          .init(16, 3, 64, 24, squeezeExcites: false, .relu, 2),
          .init(24, 3, 72, 24, squeezeExcites: false, .relu, 1),
        ],
        [
          .init(24, 5, 72, 40, squeezeExcites: true, .relu, 2),
          .init(40, 5, 120, 40, squeezeExcites: true, .relu, 1),
          .init(40, 5, 120, 40, squeezeExcites: true, .relu, 1),
        ],
        [
          .init(40, 3, 240, 80, squeezeExcites: false, .hardSwish, 2),
          .init(80, 3, 200, 80, squeezeExcites: false, .hardSwish, 1),
          .init(80, 3, 184, 80, squeezeExcites: false, .hardSwish, 1),
          .init(80, 3, 184, 80, squeezeExcites: false, .hardSwish, 1),
        ],
        [
          .init(80, 3, 480, 112, squeezeExcites: true, .hardSwish, 1),
          .init(112, 3, 672, 112, squeezeExcites: true, .hardSwish, 1),
        ],
        [
          .init(112, 5, 672, 160 / d, squeezeExcites: true, .hardSwish, 2),
          .init(160 / d, 5, 960 / d, 160 / d, squeezeExcites: true, .hardSwish, 1),
          .init(160 / d, 5, 960 / d, 160 / d, squeezeExcites: true, .hardSwish, 1),
        ],
      ]
    case .small:
      [
        [
          .init(16, 3, 16, 16, squeezeExcites: true, .relu, 2)
        ],
        [
          .init(16, 3, 72, 24, squeezeExcites: false, .relu, 2),
          .init(24, 3, 88, 24, squeezeExcites: false, .relu, 1),
        ],
        [
          .init(24, 5, 96, 40, squeezeExcites: true, .hardSwish, 2),
          .init(40, 5, 240, 40, squeezeExcites: true, .hardSwish, 1),
          .init(40, 5, 240, 40, squeezeExcites: true, .hardSwish, 1),
        ],
        [
          .init(40, 5, 120, 48, squeezeExcites: true, .hardSwish, 1),
          .init(48, 5, 144, 48, squeezeExcites: true, .hardSwish, 1),
        ],
        [
          .init(48, 5, 288, 96 / d, squeezeExcites: true, .hardSwish, 2),
          .init(96 / d, 5, 576 / d, 96 / d, squeezeExcites: true, .hardSwish, 1),
          .init(96 / d, 5, 576 / d, 96 / d, squeezeExcites: true, .hardSwish, 1),
        ],
      ]
    }
  }

  /// Width of the classifier's hidden layer before multipliers.
  var hidden: Int {
    switch self {
    case .large: 1280
    case .small: 1024
    }
  }

  package func graph(_ configuration: ModelConfiguration) -> Graph {
    let divisor = configuration.reducedTail ? 2 : 1
    return Self.graph(
      name: "mobilenetv3-\(rawValue)", table: table(divisor: divisor), hidden: hidden / divisor,
      configuration)
  }

  /// Differences between the implementations besides their tables.
  package struct Details: Sendable {
    /// Whether squeeze-excite's width is rounded to a multiple of 8.
    package var roundsSqueeze = true
    /// The activation inside squeeze-excite; `nil` for the bottleneck's.
    package var squeezeActivation: Activation? = .relu
    /// The last convolutions over positions, usually one.
    package var headConvolutions = 1
    /// Whether the hidden layer has biases.
    package var hiddenHasBias = true

    package init() {}
  }

  /// A member of the family with any table: published ones, and tiny ones for tests.
  package static func graph(
    name: String, table: [[Bottleneck]], hidden: Int, activation: Activation = .hardSwish,
    details: Details = Details(), _ configuration: ModelConfiguration
  ) -> Graph {
    func scaled(_ width: Int) -> Int {
      makeDivisible(Double(width) * configuration.widthMultiplier)
    }
    let style = BlockStyle(configuration)
    var builder = GraphBuilder(name: name)
    var x = builder.input(configuration.inputShape)
    x = builder.scope("features", kind: "Sequential") { builder in
      x = builder.convolutionBlock(
        x, "0", channels: scaled(table[0][0].input), kernel: 3, stride: 2, activation: activation,
        role: .stem, style: style)
      var number = 0
      for (stage, rows) in table.enumerated() {
        for (index, row) in rows.enumerated() {
          x = builder.bottleneck(
            x, row, expanded: scaled(row.expanded), output: scaled(row.output),
            at: (stage: stage, index: index, number: number), style: style, details: details)
          number += 1
        }
      }
      let channels = 6 * x.shape.channels
      for index in 0..<details.headConvolutions {
        x = builder.convolutionBlock(
          x, "\(number + 1 + index)", channels: channels, kernel: 1, activation: activation,
          role: .head, style: style)
      }
      return x
    }
    x = builder.globalAveragePool(x, "avgpool")
    x = builder.scope("classifier", kind: "Sequential") { builder in
      x = builder.linear(
        x, "0", outputs: scaled(hidden), hasBias: details.hiddenHasBias, role: .hidden)
      x = builder.activation(x, "1", activation, role: .hidden)
      x = builder.dropout(x, "2", probability: style.dropout ?? 0.2)
      return builder.linear(x, "3", outputs: configuration.classes)
    }
    return builder.graph(output: x)
  }
}

extension GraphBuilder {
  fileprivate mutating func bottleneck(
    _ input: Value, _ row: MobileNetV3.Bottleneck, expanded: Int, output: Int,
    at position: (stage: Int, index: Int, number: Int), style: BlockStyle,
    details: MobileNetV3.Details
  ) -> Value {
    let expands = expanded != input.shape.channels
    let block = Block(
      kind: expands ? .inverted : .separable, stage: position.stage, index: position.index,
      number: position.number)
    return scope("\(position.number + 1)", kind: "InvertedResidual", block: block) { builder in
      let branch = builder.scope("block", kind: "Sequential") { builder in
        var x = input
        var index = 0
        func next() -> String {
          defer { index += 1 }
          return String(index)
        }
        if expands {
          x = builder.convolutionBlock(
            x, next(), channels: expanded, kernel: 1, activation: row.activation, role: .expand,
            style: style)
        }
        x = builder.convolutionBlock(
          x, next(), channels: expanded, kernel: row.kernel, stride: row.stride, groups: expanded,
          activation: row.activation, role: .depthwise, style: style)
        if row.squeezeExcites {
          x = builder.squeezeExcite(
            x, next(),
            squeezed: makeDivisible(Double(expanded / 4), by: details.roundsSqueeze ? 8 : 1),
            inner: details.squeezeActivation ?? row.activation, gate: .hardSigmoid)
        }
        return builder.convolutionBlock(
          x, next(), channels: output, kernel: 1, activation: nil, role: .project, style: style)
      }
      let hasShortcut = row.hasShortcut && row.stride == 1 && input.shape.channels == output
      return hasShortcut ? builder.add(branch, input) : branch
    }
  }
}
