import Foundation

/// Real weights and images.
///
/// `Scripts/quickstart` downloads some into the package; larger test data may be in `../shared`. Tests
/// that need missing data are skipped, with one of the reasons below.
package enum RealData {
  package static let needsQuickstart = "run Scripts/quickstart first"
  package static let needsShared = "no test data in ../shared"

  /// The package's folder.
  package static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The folder of larger test data; it may not exist.
  package static let shared = URL(filePath: package).deletingLastPathComponent()
    .appending(path: "shared").path

  package static let haveShared = exists("\(shared)/weights/effnet-lite0-imagenet.safetensors")

  /// Published weights of EfficientNet-Lite0: the same tensors in both places.
  package static let liteWeights = [
    "\(package)/weights/efficientnet-lite0-57934424.safetensors",
    "\(shared)/weights/effnet-lite0-imagenet.safetensors",
  ].first(where: exists)

  /// Published weights of EfficientNetV2-S.
  package static let effNetV2SWeights = [
    "\(package)/weights/efficientnet_v2_s-dd5fe13b.safetensors"
  ].first(where: exists)

  /// The photo of a cat, `chelsea.png`, 451 × 300.
  package static let cat = ["\(package)/photos/chelsea.png"].first(where: exists)

  private static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }
}
