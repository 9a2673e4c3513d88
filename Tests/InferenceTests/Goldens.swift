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
