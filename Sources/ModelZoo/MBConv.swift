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
  /// One block of `stage`, strided or not, with its shortcut.
  mutating func efficientNetBlock(
    _ input: Value, _ name: String, stage: EfficientNetStage, stride: Int,
    dropProbability: Double, style: EfficientNetStyle
  ) -> Value {
    scope(name, kind: stage.block.rawValue) { builder in
      var branch = builder.scope("block", kind: "Sequential") { builder in
        switch stage.block {
        case .fusedMBConv:
          builder.fusedMBConv(input, stage: stage, stride: stride, style: style)
        case .mbConv:
          builder.mbConv(input, stage: stage, stride: stride, style: style)
        }
      }
      guard stride == 1 && input.shape.channels == stage.channels else { return branch }
      branch = builder.stochasticDepth(
        branch, "stochastic_depth", probability: dropProbability)
      return builder.add(branch, input)
    }
  }

  private mutating func fusedMBConv(
    _ input: Value, stage: EfficientNetStage, stride: Int, style: EfficientNetStyle
  ) -> Value {
    let expanded = makeDivisible(Double(input.shape.channels * stage.expandRatio))
    guard expanded != input.shape.channels else {
      return convolutionBlock(
        input, "0", channels: stage.channels, kernel: stage.kernel, stride: stride,
        activation: style.activation, style: style.block)
    }
    let x = convolutionBlock(
      input, "0", channels: expanded, kernel: stage.kernel, stride: stride,
      activation: style.activation, style: style.block)
    return convolutionBlock(
      x, "1", channels: stage.channels, kernel: 1, activation: nil, style: style.block)
  }

  private mutating func mbConv(
    _ input: Value, stage: EfficientNetStage, stride: Int, style: EfficientNetStyle
  ) -> Value {
    let expanded = makeDivisible(Double(input.shape.channels * stage.expandRatio))
    var x = input
    var index = 0
    func next() -> String {
      defer { index += 1 }
      return String(index)
    }
    if expanded != input.shape.channels {
      x = convolutionBlock(
        x, next(), channels: expanded, kernel: 1, activation: style.activation, style: style.block)
    }
    x = convolutionBlock(
      x, next(), channels: expanded, kernel: stage.kernel, stride: stride, groups: expanded,
      activation: style.activation, style: style.block)
    if style.squeezeExcites {
      x = squeezeExcite(
        x, next(), squeezed: max(1, input.shape.channels / 4), inner: style.activation,
        gate: .sigmoid)
    }
    return convolutionBlock(
      x, next(), channels: stage.channels, kernel: 1, activation: nil, style: style.block)
  }
}
