import Foundation
import GraphIR
import Images
import Inference
import ModelZoo
import Weights

/// A folder that lives as long as the test that made it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "cnnzoo-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes a file, in folders that are made where they are missing, and returns its path.
  @discardableResult
  func file(_ name: String, _ bytes: some Sequence<UInt8> = []) throws -> String {
    let file = "\(path)/\(name)"
    try FileManager.default.createDirectory(
      atPath: (file as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }
}

/// Files for the project's own use that lie beside the package where there are any.
enum SharedFiles {
  static let folder = URL(fileURLWithPath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appendingPathComponent("shared").path
  static var arePresent: Bool { FileManager.default.fileExists(atPath: folder + "/weights") }
}

/// A network small enough to be made in a test.
enum SmallNetwork {
  static let classes = 7

  static let model: Model = {
    guard let model = try? ModelCatalog.model(named: "mobilenetv3-small") else {
      preconditionFailure("the catalogue has MobileNetV3-Small")
    }
    return model
  }()

  static func graph(classes: Int = classes) throws -> Graph {
    var configuration = model.defaultConfiguration
    configuration.widthMultiplier = 0.25
    configuration.classes = classes
    return try model.graph(configuration)
  }

  /// A weight file of the network with seeded values.
  static func write(
    to path: String, classes: Int = classes,
    metadata: [String: String] = ["width_multiplier": "0.25"],
    change: (Parameter, inout [Float]) -> Void = { _, _ in }
  ) throws {
    var writer = SafetensorsWriter(metadata: metadata)
    for parameter in try graph(classes: classes).parameters {
      var values = SeededParameters().values(of: parameter)
      change(parameter, &values)
      writer.append(name: parameter.name, shape: parameter.shape, values: values)
    }
    try writer.write(to: path)
  }

  /// Images that differ from each other.
  static func image(_ seed: UInt8) -> Image {
    let pixels = (0..<3 * 40 * 30).map { UInt8(truncatingIfNeeded: $0 &* $0 &+ $0 &* Int(seed)) }
    return Image(width: 40, height: 30, pixels: pixels)
  }
}
