import Images
import Testing
import TestSupport

@Suite struct ResamplingTests {
  struct Case: CustomTestStringConvertible {
    let width, height, newWidth, newHeight: Int
    let interpolation: Interpolation
    let crc: String
    var testDescription: String {
      "\(width)x\(height) to \(newWidth)x\(newHeight) \(interpolation)"
    }
  }

  static let cases: [Case] = GoldenTable.rows("resizing.tsv") { row in
    guard row.count == 6, let width = Int(row[0]), let height = Int(row[1]),
      let newWidth = Int(row[2]),
      let newHeight = Int(row[3]), let interpolation = Interpolation(rawValue: row[4])
    else { return nil }
    return Case(
      width: width, height: height, newWidth: newWidth, newHeight: newHeight,
      interpolation: interpolation, crc: row[5])
  }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 128)
  }

  @Test(arguments: cases)
  func pixelsMatchPillow(_ example: Case) {
    let image = Goldens.noise(width: example.width, height: example.height)
    let resized = image.resized(
      width: example.newWidth, height: example.newHeight, interpolation: example.interpolation)
    #expect(resized.width == example.newWidth)
    #expect(resized.height == example.newHeight)
    #expect(crc(resized.pixels) == example.crc)
  }

  @Test(arguments: Interpolation.allCases)
  func sameSizeIsUnchanged(interpolation: Interpolation) {
    let image = Goldens.noise(width: 13, height: 9)
    #expect(image.resized(width: 13, height: 9, interpolation: interpolation) == image)
  }

  @Test(arguments: Interpolation.allCases)
  func flatColorStaysFlat(interpolation: Interpolation) {
    let image = Image(
      width: 31, height: 17, pixels: Array(repeatElement([0, 128, 255], count: 31 * 17).joined()))
    let small = image.resized(width: 7, height: 40, interpolation: interpolation)
    #expect(small.pixels == Array(repeatElement([0, 128, 255], count: 7 * 40).joined()))
  }
}
