import GraphIR

/// One row of an EfficientNet table: a stage of identical blocks.
package struct EfficientNetStage: Hashable, Sendable {
  /// The type of inverted bottleneck in the stage.
  package enum Block: String, Hashable, Sendable {
    /// Expand with a full k×k convolution, project with 1×1 (EfficientNetV2, section 3.2).
    case fusedMBConv = "FusedMBConv"
    /// Expand 1×1, depthwise k×k, squeeze-excite, project 1×1 (MobileNetV2; MnasNet).
    case mbConv = "MBConv"
  }

  var block: Block
  var expandRatio: Int
  var kernel: Int
  /// The stride of the first layer; the others have stride 1.
  var stride: Int
  var channels: Int
  var layers: Int
  /// Whether Fused-MBConv projects with 1×1 although it does not expand.
  var projects: Bool

  package init(
    _ block: Block, expand expandRatio: Int, kernel: Int = 3, stride: Int, channels: Int,
    layers: Int, projects: Bool = false
  ) {
    self.projects = projects
    self.block = block
    self.expandRatio = expandRatio
    self.kernel = kernel
    self.stride = stride
    self.channels = channels
    self.layers = layers
  }
}

/// Differences between the EfficientNet families besides their tables.
struct EfficientNetStyle {
  /// What MBConv blocks have after the depthwise convolution, a quarter of the block's *input* channels
  /// wide.
  enum Attention {
    case none, squeezeExcite, globalContext
  }

  var block: BlockStyle
  var activation: Activation
  var attention: Attention
}

extension GraphBuilder {
  /// Stem, stages, head, pool and classifier, named as torchvision names an EfficientNet.
  mutating func efficientNet(
    input: TensorShape, stem: Int, stages: [EfficientNetStage], head: Int, dropout: Double,
    classes: Int, style: EfficientNetStyle
  ) -> Value {
    var x = self.input(input)
    x = scope("features", kind: "Sequential") { builder in
      var x = builder.convolutionBlock(
        x, "0", channels: stem, kernel: 3, stride: 2, activation: style.activation,
        role: .stem, style: style.block)
      let total = stages.reduce(0) { $0 + $1.layers }
      var number = 0
      for (index, stage) in stages.enumerated() {
        x = builder.scope("\(index + 1)", kind: "Sequential") { builder in
          for layer in 0..<stage.layers {
            x = builder.efficientNetBlock(
              x, "\(layer)", row: stage, stride: layer == 0 ? stage.stride : 1,
              at: (stage: index, index: layer, number: number),
              dropProbability: style.block.stochasticDepth * Double(number) / Double(total),
              style: style)
            number += 1
          }
          return x
        }
      }
      return builder.convolutionBlock(
        x, "\(stages.count + 1)", channels: head, kernel: 1, activation: style.activation,
        role: .head, style: style.block)
    }
    x = globalAveragePool(x, "avgpool")
    return scope("classifier", kind: "Sequential") { builder in
      let dropped = builder.dropout(x, "0", probability: style.block.dropout ?? dropout)
      return builder.linear(dropped, "1", outputs: classes)
    }
  }
}

extension GraphBuilder {
  /// One block of the stage that `row` describes, with its shortcut.
  ///
  /// - Parameter position: the stage, the block's position in it and in the network.
  mutating func efficientNetBlock(
    _ input: Value, _ name: String, row: EfficientNetStage, stride: Int,
    at position: (stage: Int, index: Int, number: Int), dropProbability: Double,
    style: EfficientNetStyle
  ) -> Value {
    let expanded = makeDivisible(Double(input.shape.channels * row.expandRatio))
    let expands = expanded != input.shape.channels
    let kind: Block.Kind =
      switch row.block {
      case .fusedMBConv: expands || row.projects ? .fused : .single
      case .mbConv: expands ? .inverted : .separable
      }
    let block = Block(
      kind: kind, stage: position.stage, index: position.index, number: position.number)
    return scope(name, kind: row.block.rawValue, block: block) { builder in
      var branch = builder.scope("block", kind: "Sequential") { builder in
        switch row.block {
        case .fusedMBConv:
          builder.fusedMBConv(input, row: row, expanded: expanded, stride: stride, style: style)
        case .mbConv:
          builder.mbConv(input, row: row, expanded: expanded, stride: stride, style: style)
        }
      }
      guard stride == 1 && input.shape.channels == row.channels else { return branch }
      branch = builder.stochasticDepth(
        branch, "stochastic_depth", probability: dropProbability)
      return builder.add(branch, input)
    }
  }

  private mutating func fusedMBConv(
    _ input: Value, row: EfficientNetStage, expanded: Int, stride: Int, style: EfficientNetStyle
  ) -> Value {
    guard expanded != input.shape.channels || row.projects else {
      return convolutionBlock(
        input, "0", channels: row.channels, kernel: row.kernel, stride: stride,
        activation: style.activation, role: .project, style: style.block)
    }
    let x = convolutionBlock(
      input, "0", channels: expanded, kernel: row.kernel, stride: stride,
      activation: style.activation, role: .expand, style: style.block)
    return convolutionBlock(
      x, "1", channels: row.channels, kernel: 1, activation: nil, role: .project,
      style: style.block)
  }

  private mutating func mbConv(
    _ input: Value, row: EfficientNetStage, expanded: Int, stride: Int, style: EfficientNetStyle
  ) -> Value {
    var x = input
    var index = 0
    func next() -> String {
      defer { index += 1 }
      return String(index)
    }
    if expanded != input.shape.channels {
      x = convolutionBlock(
        x, next(), channels: expanded, kernel: 1, activation: style.activation, role: .expand,
        style: style.block)
    }
    x = convolutionBlock(
      x, next(), channels: expanded, kernel: row.kernel, stride: stride, groups: expanded,
      activation: style.activation, role: .depthwise, style: style.block)
    let squeezed = max(1, input.shape.channels / 4)
    switch style.attention {
    case .none: break
    case .squeezeExcite:
      x = squeezeExcite(
        x, next(), squeezed: squeezed, inner: style.activation, gate: .sigmoid)
    case .globalContext:
      x = globalContext(x, next(), squeezed: squeezed, inner: style.activation)
    }
    return convolutionBlock(
      x, next(), channels: row.channels, kernel: 1, activation: nil, role: .project,
      style: style.block)
  }
}
