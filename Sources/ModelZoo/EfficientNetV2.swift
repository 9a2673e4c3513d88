import GraphIR

/// EfficientNetV2 (Tan & Le 2021, arXiv 2104.00298).
///
/// The tables are the released code's, which torchvision and timm follow; the paper's Table 4
/// differs in the last stage of S and in the head. Fused-MBConv has no squeeze-excite there, though
/// the paper's figure 2 shows one.
package enum EfficientNetV2: String, CaseIterable, Sendable {
  case s, m, l

  /// The paper's table: one row a stage.
  package var stages: [EfficientNetStage] {
    switch self {
    case .s:
      [
        .init(.fusedMBConv, expand: 1, stride: 1, channels: 24, layers: 2),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 48, layers: 4),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 64, layers: 4),
        .init(.mbConv, expand: 4, stride: 2, channels: 128, layers: 6),
        .init(.mbConv, expand: 6, stride: 1, channels: 160, layers: 9),
        .init(.mbConv, expand: 6, stride: 2, channels: 256, layers: 15),
      ]
    case .m:
      [
        .init(.fusedMBConv, expand: 1, stride: 1, channels: 24, layers: 3),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 48, layers: 5),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 80, layers: 5),
        .init(.mbConv, expand: 4, stride: 2, channels: 160, layers: 7),
        .init(.mbConv, expand: 6, stride: 1, channels: 176, layers: 14),
        .init(.mbConv, expand: 6, stride: 2, channels: 304, layers: 18),
        .init(.mbConv, expand: 6, stride: 1, channels: 512, layers: 5),
      ]
    case .l:
      [
        .init(.fusedMBConv, expand: 1, stride: 1, channels: 32, layers: 4),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 64, layers: 7),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 96, layers: 7),
        .init(.mbConv, expand: 4, stride: 2, channels: 192, layers: 10),
        .init(.mbConv, expand: 6, stride: 1, channels: 224, layers: 19),
        .init(.mbConv, expand: 6, stride: 2, channels: 384, layers: 25),
        .init(.mbConv, expand: 6, stride: 1, channels: 640, layers: 7),
      ]
    }
  }

  /// Channels of the stem: those of the first stage.
  private var stem: Int { stages[0].channels }

  private var dropout: Double {
    switch self {
    case .s: 0.2
    case .m: 0.3
    case .l: 0.4
    }
  }

  package func graph(_ configuration: ModelConfiguration) -> Graph {
    Self.graph(
      name: "effnetv2-\(rawValue)", stem: stem, stages: stages, dropout: dropout, configuration)
  }

  /// A member of the family with any table: the published ones, and the tiny ones of the tests.
  package static func graph(
    name: String, stem: Int, stages: [EfficientNetStage], head: Int = 1280, dropout: Double = 0.2,
    _ configuration: ModelConfiguration
  ) -> Graph {
    var builder = GraphBuilder(name: name)
    let logits = builder.efficientNet(
      input: configuration.inputShape, stem: stem, stages: stages, head: head, dropout: dropout,
      classes: configuration.classes,
      style: EfficientNetStyle(
        block: BlockStyle(padding: configuration.padding), activation: .silu,
        squeezeExcites: true))
    return builder.graph(output: logits)
  }
}
