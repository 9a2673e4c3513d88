import Foundation

/// Real weights and images: what `Scripts/quickstart` downloads into the package, and larger test data
/// in `../shared`. Tests that need what is absent are skipped, with one of the reasons below.
public enum RealData {
  public static let needsQuickstart = "run Scripts/quickstart first"
  public static let needsShared = "no test data in ../shared"

  /// The package's folder.
  public static let package = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path

  /// The folder of larger test data; it may not exist.
  public static let shared = URL(filePath: package).deletingLastPathComponent()
    .appending(path: "shared").path

  public static let haveShared = exists("\(shared)/weights/effnet-lite0-imagenet.safetensors")

  /// Published weights of EfficientNet-Lite0: the same tensors in both places.
  public static let liteWeights = [
    "\(package)/weights/efficientnet-lite0-57934424.safetensors",
    "\(shared)/weights/effnet-lite0-imagenet.safetensors",
  ].first(where: exists)

  /// Published weights of EfficientNetV2-S.
  public static let effNetV2SWeights = [
    "\(package)/weights/efficientnet_v2_s-dd5fe13b.safetensors"
  ].first(where: exists)

  /// The photo of a cat, `chelsea.png`, 451 × 300.
  public static let cat = ["\(package)/photos/chelsea.png"].first(where: exists)

  private static func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: path)
  }
}
