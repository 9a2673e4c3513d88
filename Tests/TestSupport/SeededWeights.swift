import GraphIR
import Images
import Inference
import ModelZoo
import Weights

/// Weight files with seeded values, under torchvision's names.
package enum SeededWeights {
  /// Writes the weights of a network.
  ///
  /// - Parameters:
  ///   - classes: Outputs of the classifier; by default those of the published weights.
  ///   - change: May modify the values of a parameter.
  package static func write(
    _ model: Model, classes: Int? = nil, widthMultiplier: Double = 1,
    metadata: [String: String] = [:], to path: String,
    change: (Parameter, inout [Float]) -> Void = { _, _ in }
  ) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    let graph = try graph(of: model, classes: classes, widthMultiplier: widthMultiplier)
    for parameter in graph.parameters {
      var values = SeededParameters().values(of: parameter)
      change(parameter, &values)
      writer.append(name: parameter.name, shape: parameter.shape, values: values)
    }
    try writer.write(to: path)
  }

  static func graph(of model: Model, classes: Int?, widthMultiplier: Double) throws -> Graph {
    var configuration = model.defaultConfiguration
    configuration.widthMultiplier = widthMultiplier
    configuration.classes = classes ?? configuration.classes
    return try model.graph(configuration)
  }
}

/// A network small enough for tests: MobileNetV3-Small at a quarter of its width.
package enum SmallNetwork {
  package static let classes = 7

  package static let model: Model = {
    guard let model = try? ModelCatalog.model(named: "mobilenetv3-small") else {
      preconditionFailure("the catalogue has no MobileNetV3-Small")
    }
    return model
  }()

  package static func graph(classes: Int = classes) throws -> Graph {
    try SeededWeights.graph(of: model, classes: classes, widthMultiplier: 0.25)
  }

  /// Writes a weight file of the network with seeded values.
  package static func write(
    to path: String, classes: Int = classes,
    metadata: [String: String] = ["width_multiplier": "0.25"],
    change: (Parameter, inout [Float]) -> Void = { _, _ in }
  ) throws {
    try SeededWeights.write(
      model, classes: classes, widthMultiplier: 0.25, metadata: metadata, to: path, change: change)
  }

  /// An image; each seed gives a different one.
  package static func image(_ seed: UInt8) -> Image {
    let pixels = (0..<3 * 40 * 30).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ $0 &* Int(seed)) }
    return Image(width: 40, height: 30, pixels: pixels)
  }
}
