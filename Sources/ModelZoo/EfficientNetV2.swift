import GraphIR

/// EfficientNetV2 (Tan & Le 2021, arXiv 2104.00298).
///
/// The tables are those of the released code, which torchvision and timm follow; the paper's Table
/// 4 differs in the last stage of S and in the head. Fused-MBConv has no squeeze-excite in the
/// code, although the paper's figure 2 shows one.
package enum EfficientNetV2: String, CaseIterable, Sendable {
  case s, m, l, xl
  /// Scaled from one table, as in EfficientNet.
  case b0, b1, b2, b3

  /// The paper's table: one row per stage.
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
    case .xl:
      [
        .init(.fusedMBConv, expand: 1, stride: 1, channels: 32, layers: 4),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 64, layers: 8),
        .init(.fusedMBConv, expand: 4, stride: 2, channels: 96, layers: 8),
        .init(.mbConv, expand: 4, stride: 2, channels: 192, layers: 16),
        .init(.mbConv, expand: 6, stride: 1, channels: 256, layers: 24),
        .init(.mbConv, expand: 6, stride: 2, channels: 512, layers: 32),
        .init(.mbConv, expand: 6, stride: 1, channels: 640, layers: 8),
      ]
    case .b0, .b1, .b2, .b3:
      Self.base.map { row in
        var stage = row
        stage.channels = scaled(row.channels)
        stage.layers = Int((Double(row.layers) * scaling.depth).rounded(.up))
        return stage
      }
    }
  }

  /// The table of B0 (the released code's `v2_base_block`).
  private static let base: [EfficientNetStage] = [
    .init(.fusedMBConv, expand: 1, stride: 1, channels: 16, layers: 1),
    .init(.fusedMBConv, expand: 4, stride: 2, channels: 32, layers: 2),
    .init(.fusedMBConv, expand: 4, stride: 2, channels: 48, layers: 2),
    .init(.mbConv, expand: 4, stride: 2, channels: 96, layers: 3),
    .init(.mbConv, expand: 6, stride: 1, channels: 112, layers: 5),
    .init(.mbConv, expand: 6, stride: 2, channels: 192, layers: 8),
  ]

  /// Multipliers of width and depth.
  private var scaling: (width: Double, depth: Double) {
    switch self {
    case .s, .m, .l, .xl, .b0: (1.0, 1.0)
    case .b1: (1.0, 1.1)
    case .b2: (1.1, 1.2)
    case .b3: (1.2, 1.4)
    }
  }

  /// The nearest multiple of 8, even where it is far below the product.
  private func scaled(_ channels: Int) -> Int {
    makeDivisible(Double(channels) * scaling.width, least: 0)
  }

  private var stem: Int {
    switch self {
    case .s, .m: 24
    case .l, .xl: 32
    case .b0, .b1, .b2, .b3: scaled(32)
    }
  }

  private var head: Int { scaled(1280) }

  private var dropout: Double {
    switch self {
    case .s, .b0, .b1: 0.2
    case .m, .b2, .b3: 0.3
    case .l, .xl: 0.4
    }
  }

  package func graph(_ configuration: ModelConfiguration) -> Graph {
    Self.graph(
      name: "effnetv2-\(rawValue)", stem: stem, stages: stages, head: head, dropout: dropout,
      configuration)
  }

  /// A member of the family with any table: published ones, and tiny ones for tests.
  package static func graph(
    name: String, stem: Int, stages: [EfficientNetStage], head: Int = 1280, dropout: Double = 0.2,
    usesGlobalContext: Bool = false, _ configuration: ModelConfiguration
  ) -> Graph {
    var stages = stages
    if let fused = configuration.fusedStages {
      for index in stages.indices { stages[index].block = index < fused ? .fusedMBConv : .mbConv }
    }
    var builder = GraphBuilder(name: name)
    let logits = builder.efficientNet(
      input: configuration.inputShape, stem: stem, stages: stages, head: head, dropout: dropout,
      classes: configuration.classes,
      style: EfficientNetStyle(
        block: BlockStyle(configuration), activation: .silu,
        attention: usesGlobalContext ? .globalContext : .squeezeExcite))
    return builder.graph(output: logits)
  }
}
