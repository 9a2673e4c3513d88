import Foundation
import Testing
import TestSupport

extension TemporaryFolder {
  /// Writes `bytes` to a file and returns its path.
  func file(_ bytes: [UInt8], named name: String = "weights") throws -> String {
    try file(name, bytes)
  }
}

/// The bytes of a file.
func bytes(ofFile path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

private let testFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

/// The path of a file written by `Scripts/goldens/record_weights.py`.
func golden(_ name: String) -> String { testFolder.appendingPathComponent("Goldens/\(name)").path }

/// A little-endian number.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
