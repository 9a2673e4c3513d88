import GraphIR

/// One row of an EfficientNet table: a stage of equal blocks.
package struct EfficientNetStage: Hashable, Sendable {
  /// Which inverted bottleneck the stage is made of.
  package enum Block: String, Hashable, Sendable {
    /// Expand with a full k×k convolution, project with 1×1 (EfficientNetV2, section 3.2).
    case fusedMBConv = "FusedMBConv"
    /// Expand 1×1, depthwise k×k, squeeze-excite, project 1×1 (MobileNetV2; MnasNet).
    case mbConv = "MBConv"
  }

  var block: Block
  var expandRatio: Int
  var kernel: Int
  /// Of the first layer; the others have stride 1.
  var stride: Int
  var channels: Int
  var layers: Int

  package init(
    _ block: Block, expand expandRatio: Int, kernel: Int = 3, stride: Int, channels: Int,
    layers: Int
  ) {
    self.block = block
    self.expandRatio = expandRatio
    self.kernel = kernel
    self.stride = stride
    self.channels = channels
    self.layers = layers
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
      case .fusedMBConv: expands ? .fused : .single
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
    guard expanded != input.shape.channels else {
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
    if style.squeezeExcites {
      x = squeezeExcite(
        x, next(), squeezed: max(1, input.shape.channels / 4), inner: style.activation,
        gate: .sigmoid)
    }
    return convolutionBlock(
      x, next(), channels: row.channels, kernel: 1, activation: nil, role: .project,
      style: style.block)
  }
}
