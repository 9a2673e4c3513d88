import GraphIR

/// EfficientNet-Lite (TensorFlow TPU team 2020): EfficientNet-B0's table (Tan & Le 2019, arXiv
/// 1905.11946, Table 1) without squeeze-excite, with ReLU6, and with an unscaled stem and head.
package enum EfficientNetLite: Int, CaseIterable, Sendable {
  case lite0, lite1, lite2, lite3, lite4

  /// Multipliers of width and depth.
  private var scaling: (width: Double, depth: Double) {
    switch self {
    case .lite0: (1.0, 1.0)
    case .lite1: (1.0, 1.1)
    case .lite2: (1.1, 1.2)
    case .lite3: (1.2, 1.4)
    case .lite4: (1.4, 1.8)
    }
  }

  /// Side of the square image the published weights were trained on.
  package var resolution: Int {
    switch self {
    case .lite0: 224
    case .lite1: 240
    case .lite2: 260
    case .lite3: 280
    case .lite4: 300
    }
  }

  private static let base: [EfficientNetStage] = [
    .init(.mbConv, expand: 1, kernel: 3, stride: 1, channels: 16, layers: 1),
    .init(.mbConv, expand: 6, kernel: 3, stride: 2, channels: 24, layers: 2),
    .init(.mbConv, expand: 6, kernel: 5, stride: 2, channels: 40, layers: 2),
    .init(.mbConv, expand: 6, kernel: 3, stride: 2, channels: 80, layers: 3),
    .init(.mbConv, expand: 6, kernel: 5, stride: 1, channels: 112, layers: 3),
    .init(.mbConv, expand: 6, kernel: 5, stride: 2, channels: 192, layers: 4),
    .init(.mbConv, expand: 6, kernel: 3, stride: 1, channels: 320, layers: 1),
  ]

  /// The scaled table; the first and the last stage keep their depth.
  package var stages: [EfficientNetStage] {
    Self.base.enumerated().map { index, row in
      var stage = row
      stage.channels = makeDivisible(Double(row.channels) * scaling.width)
      if index != 0 && index != Self.base.count - 1 {
        stage.layers = Int((Double(row.layers) * scaling.depth).rounded(.up))
      }
      return stage
    }
  }

  package func graph(_ configuration: ModelConfiguration) -> Graph {
    Self.graph(
      name: "effnet-lite\(rawValue)", stem: 32, stages: stages, head: 1280,
      dropout: rawValue < 2 ? 0.2 : 0.3, configuration)
  }

  /// A member of the family with any table: published ones, and tiny ones for tests.
  package static func graph(
    name: String, stem: Int, stages: [EfficientNetStage], head: Int, dropout: Double = 0.2,
    _ configuration: ModelConfiguration
  ) -> Graph {
    var builder = GraphBuilder(name: name)
    let logits = builder.efficientNet(
      input: configuration.inputShape, stem: stem, stages: stages, head: head, dropout: dropout,
      classes: configuration.classes,
      style: EfficientNetStyle(
        block: BlockStyle(configuration), activation: .relu6,
        attention: .none))
    return builder.graph(output: logits)
  }
}
