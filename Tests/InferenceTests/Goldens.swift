import Foundation
import GraphIR
import Inference
import ModelZoo
import TestSupport
import Testing
import Weights

/// The recorded results of Scripts/goldens/record_torchvision.py.
enum Goldens {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "Goldens")

  /// A recorded tensor file.
  static func file(_ name: String) throws -> WeightFile {
    try WeightFile(path: folder.appending(path: "\(name).safetensors").path)
  }

  /// Logits of one network of the catalogue with `SeededParameters`.
  struct Logits: CustomTestStringConvertible {
    let model: String
    let configuration: ModelConfiguration
    let batch: Int
    let largest: Double
    let values: [Double]

    init?(_ row: [String]) {
      guard row.count == 10, let padding = Padding(rawValue: row[1]), let batch = Int(row[2]),
        let height = Int(row[3]), let width = Int(row[4]), let classes = Int(row[5]),
        let multiplier = Double(row[6]), let largest = Double(row[8])
      else { return nil }
      model = row[0]
      self.batch = batch
      self.largest = largest
      values = row[9].split(separator: " ").compactMap { Double($0) }
      var configuration = ModelConfiguration(
        inputSize: height, classes: classes, padding: padding, widthMultiplier: multiplier,
        reducedTail: row[7] == "1")
      configuration.inputWidth = width
      self.configuration = configuration
    }

    var graph: Graph {
      get throws { try ModelCatalog.model(named: model).graph(configuration) }
    }

    /// Every tenth logit is recorded, of few classes every one.
    var step: Int { configuration.classes > 100 ? 10 : 1 }

    var testDescription: String {
      "\(model) \(batch)x\(configuration.inputHeight)x\(configuration.inputWidth)"
        + " \(configuration.padding), \(configuration.classes) classes"
        + " × \(configuration.widthMultiplier)\(configuration.reducedTail ? " reduced" : "")"
    }
  }

  static let logits = GoldenTable.rows("logits.tsv", as: Logits.init)
}

/// The test images of Scripts/goldens/reference_networks.py, from the same formula.
enum SeededImages {
  /// A batch of images, NHWC.
  static func make(batch: Int, height: Int, width: Int) -> [[Float]] {
    let fine = uniform("input.fine", count: batch * 3 * height * width)
    let rows = (height + 15) / 16
    let columns = (width + 15) / 16
    let tiles = uniform("input.tiles", count: batch * 3 * rows * columns)
    return (0..<batch).map { image in
      var values: [Float] = []
      values.reserveCapacity(3 * height * width)
      for y in 0..<height {
        for x in 0..<width {
          for channel in 0..<3 {
            let plane = image * 3 + channel
            values.append(
              2 * tiles[(plane * rows + y / 16) * columns + x / 16]
                + fine[(plane * height + y) * width + x])
          }
        }
      }
      return values
    }
  }

  /// Values in [−1, 1): a bias is spread over a 64th of that, which is exact to undo.
  private static func uniform(_ name: String, count: Int) -> [Float] {
    SeededParameters().values(of: Parameter(name: name, role: .bias, shape: [count])).map {
      $0 * 64
    }
  }
}

extension InferenceSession {
  /// Runs a batch and gives the logits of each image.
  func logits(of images: [[Float]]) throws -> [[Float]] {
    for (index, image) in images.enumerated() {
      withInput(image: index) { _ = $0.update(fromContentsOf: image) }
    }
    try run(batch: images.count)
    return images.indices.map { logits(image: $0) }
  }
}
