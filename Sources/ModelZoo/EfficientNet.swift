import GraphIR

/// What distinguishes the EfficientNet families beyond their tables.
struct EfficientNetStyle {
  var block: BlockStyle
  var activation: Activation
  /// Squeeze-excite in MBConv blocks, a quarter of the block's *input* channels wide.
  var squeezeExcites: Bool
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
              // The rate rises linearly with depth to 0.2 (Huang et al. 2016).
              dropProbability: 0.2 * Double(number) / Double(total), style: style)
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
      let dropped = builder.dropout(x, "0", probability: dropout)
      return builder.linear(dropped, "1", outputs: classes)
    }
  }
}
