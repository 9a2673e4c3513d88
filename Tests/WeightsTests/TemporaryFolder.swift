import Foundation
import Testing

/// A folder that lives as long as the test that made it.
final class TemporaryFolder {
  let path: String

  init() throws {
    path = NSTemporaryDirectory() + "weights-tests-" + UUID().uuidString
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Writes `bytes` to a file and returns its path.
  func file(_ bytes: [UInt8], named name: String = "weights") throws -> String {
    let file = "\(path)/\(name)"
    try Data(bytes).write(to: URL(fileURLWithPath: file))
    return file
  }

  /// The names of the files inside, hidden ones too.
  var contents: [String] {
    get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
  }
}

/// The bytes of a file.
func bytes(ofFile path: String) throws -> [UInt8] {
  [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
}

private let testFolder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()

/// The path of a file that `Scripts/goldens/record_weights.py` made.
func golden(_ name: String) -> String { testFolder.appendingPathComponent("Goldens/\(name)").path }

/// The folder of real weights beside the package, which may be absent.
let sharedWeights = testFolder.appendingPathComponent("../../../shared/weights").standardized.path

/// A little-endian number.
func littleEndian(_ value: some FixedWidthInteger) -> [UInt8] {
  withUnsafeBytes(of: value.littleEndian) { Array($0) }
}
