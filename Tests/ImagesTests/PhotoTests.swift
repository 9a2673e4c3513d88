import Foundation
import Images
import TestSupport
import Testing

/// Pixels and prepared values of real photos, as recorded from Pillow and torchvision.
struct PhotoTests {
  /// A recorded photo that is present: fetched by Scripts/quickstart, or in ../shared.
  struct Photo: CustomTestStringConvertible {
    let path: String
    let row: [String]
    var testDescription: String { row[0] }
  }

  static let recorded = GoldenTable.rows("photos.tsv") { $0.count == 5 ? $0 : nil as [String]? }

  static let present: [Photo] = recorded.compactMap { row in
    ["\(RealData.package)/photos", "\(RealData.shared)/images"].map { "\($0)/\(row[0])" }
      .first { FileManager.default.fileExists(atPath: $0) }
      .map { Photo(path: $0, row: row) }
  }

  @Test(.enabled(if: !present.isEmpty, "\(RealData.needsQuickstart)"), arguments: present)
  func photoIsDecodedAndPreparedAsInPython(photo: Photo) throws {
    let image = try Image(contentsOf: photo.path, applyOrientation: false)
    #expect(
      [photo.row[0], "\(image.width)", "\(image.height)", crc(image.pixels)] == photo.row[..<4])
    let values = try PreprocessingTests.values(PreprocessingTests.imageNet, image)
    #expect(values.withUnsafeBytes { crc($0) } == photo.row[4])
  }
}
