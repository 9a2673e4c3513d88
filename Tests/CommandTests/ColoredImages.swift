import CNNZoo
import Foundation
import TestSupport

/// A folder of tiny images in classes that a network can tell apart.
struct ColoredImages {
  /// A folder of the test's own, with the classes in `images`.
  let folder: String
  var images: String { folder + "/images" }

  init(perClass: [Int] = [10, 10, 10]) throws {
    folder = try TestFiles.folder()
    for (index, (name, count)) in zip(["blue", "green", "red"], perClass).enumerated() {
      for seed in 0..<count { try write("\(name)/\(seed)", index, seed) }
    }
  }

  /// Writes an image that is mostly of one colour, with noise.
  func write(_ name: String, _ channel: Int, _ seed: Int) throws {
    let path = "\(images)/\(name).ppm"
    try FileManager.default.createDirectory(
      atPath: (path as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
    let pixels = (0..<36 * 36).flatMap { position -> [UInt8] in
      let noise = UInt8(
        truncatingIfNeeded: (position &* position &* (seed + 3 + 12 * channel)) % 97)
      return (0..<3).map { $0 == 2 - channel ? 150 + noise : noise }
    }
    try Data(Array("P6 36 36 255\n".utf8) + pixels).write(to: URL(filePath: path))
  }
}

/// The values of a weight file's tensors, by name; unlike its bytes, they do not depend on what the
/// metadata says about the training.
func tensorValues(_ path: String) throws -> [String: [Float]] {
  var values: [String: [Float]] = [:]
  for tensor in try WeightFile(path: path).tensors { values[tensor.name] = try tensor.floats() }
  return values
}
