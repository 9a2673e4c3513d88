import Foundation

/// Real weights and recorded reference answers beside the package; tests that need them are skipped
/// where they are absent.
enum SharedMaterial {
  static let root = URL(filePath: #filePath)
    .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "shared")

  static func path(_ relative: String) -> String { root.appending(path: relative).path }

  static let isPresent = FileManager.default.fileExists(
    atPath: path("weights/effnet-lite0-imagenet.safetensors"))
}
