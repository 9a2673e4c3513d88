import GraphIR
import Inference
import ModelZoo

/// A small member of each family: the tables of `tiny_networks` in
/// Scripts/goldens/record_torchvision.py.
package enum TinyNetwork: String, CaseIterable, Sendable {
  case efficientNetV2 = "tiny-effnetv2"
  case mobileNetV3 = "tiny-mobilenetv3"
  case efficientNetLite = "tiny-lite"

  private var size: (height: Int, width: Int) {
    switch self {
    case .efficientNetV2: (23, 18)
    case .mobileNetV3: (18, 25)
    case .efficientNetLite: (16, 21)
    }
  }

  private var classes: Int {
    switch self {
    case .efficientNetV2: 7
    case .mobileNetV3: 5
    case .efficientNetLite: 11
    }
  }

  /// The network's graph.
  ///
  /// - Parameter change: Changes the configuration.
  package func graph(
    _ padding: Padding = .symmetric, epsilon: Double? = nil,
    change: (inout ModelConfiguration) -> Void = { _ in }
  ) -> Graph {
    var configuration = ModelConfiguration(
      inputSize: size.height, classes: classes, padding: padding)
    configuration.inputWidth = size.width
    if let epsilon { configuration.epsilon = epsilon }
    change(&configuration)
    switch self {
    case .efficientNetV2:
      return EfficientNetV2.graph(
        name: rawValue, stem: 8,
        stages: [
          .init(.fusedMBConv, expand: 1, kernel: 3, stride: 1, channels: 8, layers: 2),
          .init(.fusedMBConv, expand: 2, kernel: 3, stride: 2, channels: 12, layers: 1),
          .init(.fusedMBConv, expand: 2, kernel: 3, stride: 1, channels: 12, layers: 1),
          .init(.mbConv, expand: 2, kernel: 3, stride: 2, channels: 12, layers: 2),
          .init(.mbConv, expand: 2, kernel: 5, stride: 1, channels: 20, layers: 1),
        ], head: 28, configuration)
    case .mobileNetV3:
      return MobileNetV3.graph(
        name: rawValue,
        table: [
          [
            .init(8, 3, 8, 8, squeezeExcites: false, .relu, 1),
            .init(8, 3, 16, 8, squeezeExcites: false, .relu, 2),
            .init(8, 5, 24, 8, squeezeExcites: true, .relu, 1),
          ],
          [
            .init(8, 3, 24, 16, squeezeExcites: true, .hardSwish, 2),
            .init(16, 5, 16, 16, squeezeExcites: false, .hardSwish, 1),
          ],
        ], hidden: 16, configuration)
    case .efficientNetLite:
      return EfficientNetLite.graph(
        name: rawValue, stem: 8,
        stages: [
          .init(.mbConv, expand: 1, kernel: 3, stride: 1, channels: 12, layers: 1),
          .init(.mbConv, expand: 4, kernel: 3, stride: 2, channels: 12, layers: 2),
          .init(.mbConv, expand: 2, kernel: 5, stride: 2, channels: 20, layers: 2),
        ], head: 28, configuration)
    }
  }

  /// The one image that its results are recorded for.
  package var image: [Float] { images(1)[0] }

  /// Images for training.
  package func images(_ batch: Int) -> [[Float]] {
    SeededImages.make(batch: batch, height: size.height, width: size.width)
  }
}
