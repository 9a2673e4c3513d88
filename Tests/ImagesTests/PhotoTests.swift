import Foundation
import Images
import Testing

/// Real photos, where they lie beside the package; their pixels and values as recorded.
@Suite struct PhotoTests {
  static let folder = Goldens.packageRoot.deletingLastPathComponent().appending(
    path: "shared/images")
  static let arePresent = FileManager.default.fileExists(atPath: folder.path())

  @Test(
    .enabled(if: arePresent, "no photos in ../shared/images"), arguments: Goldens.rows("photos.tsv")
  )
  func photoIsDecodedAsByPillow(row: [String]) throws {
    let path = Self.folder.appending(path: row[0]).path()
    let image = try Image(contentsOf: path, applyOrientation: false)
    #expect([row[0], "\(image.width)", "\(image.height)", crc(image.pixels)] == Array(row[..<4]))
    let values = try PreprocessingTests.values(PreprocessingTests.imageNet, image)
    #expect(values.withUnsafeBytes { crc($0) } == row[4])
  }
}
