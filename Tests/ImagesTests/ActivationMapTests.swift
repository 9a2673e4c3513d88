import Images
import Testing

struct ActivationMapTests {
  @Test(arguments: [(1, 1), (7, 3), (300, 2), (64, 65)])
  func encodedImagesAreReadBack(width: Int, height: Int) throws {
    let image = Goldens.noise(width: width, height: height)
    let bytes = try image.encodedPNG()
    #expect(Array(bytes.prefix(4)) == [0x89, 0x50, 0x4E, 0x47])
    #expect(try Image(decoding: bytes) == image)
  }

  /// An image of 300 × 500 whose short side becomes 256, and the middle 224 of it.
  @Test func theRegionIsTheCropBeforeTheResize() {
    let recipe = Preprocessing(
      resize: 256, crop: 224, interpolation: .bilinear, mean: .zero, standardDeviation: .one)
    let region = recipe.region(ofWidth: 300, height: 500)
    #expect(abs(region.x - 16 * 300.0 / 256) < 1e-9)
    #expect(abs(region.width - 224 * 300.0 / 256) < 1e-9)
    #expect(abs(region.y - 101 * 500.0 / 426) < 1e-9)
    #expect(abs(region.height - 224 * 500.0 / 426) < 1e-9)
  }

  @Test func cropBeyondTheImage() {
    let recipe = Preprocessing(
      resize: 100, crop: 140, interpolation: .bilinear, mean: .zero, standardDeviation: .one)
    #expect(
      recipe.region(ofWidth: 50, height: 50) == ImageRegion(x: -10, y: -10, width: 70, height: 70)
    )
  }

  @Test func maximumAndMean() {
    let map = ActivationMap(width: 3, height: 2, values: [0, -1, 4, 4, 2, 3])
    #expect(map.greatest == (column: 2, row: 0, value: 4))
    #expect(map.mean == 2)
  }

  /// One positive cell: its middle has the strongest colour, the far corner keeps the image's gray.
  @Test func overlayFollowsTheMap() {
    let gray = Image(width: 90, height: 60, pixels: [UInt8](repeating: 120, count: 3 * 90 * 60))
    var values = [Float](repeating: -1, count: 9)
    values[5] = 2  // Right column, middle row.
    let overlay = ActivationMap(width: 3, height: 3, values: values).overlaid(
      on: gray, region: ImageRegion(x: 0, y: 0, width: 90, height: 60))
    func color(_ x: Int, _ y: Int) -> [UInt8] {
      Array(overlay.pixels[3 * (90 * y + x)..<3 * (90 * y + x) + 3])
    }
    #expect((overlay.width, overlay.height) == (90, 60))
    #expect(color(5, 5) == [120, 120, 120])
    #expect(color(84, 5) == [120, 120, 120])
    let hot = color(75, 30)
    #expect(hot[0] > 150 && hot[0] > hot[2] + 20)
    let hottest = (0..<90).max { color($0, 30)[0] < color($1, 30)[0] }
    #expect((70...89).contains(hottest ?? 0))
  }

  /// The smooth surface passes through the values: it peaks in the middle of a single hot cell and
  /// is symmetric around it.
  @Test func theSmoothSurfaceIsNotShifted() {
    let gray = Image(width: 99, height: 1, pixels: [UInt8](repeating: 0, count: 297))
    let overlay = ActivationMap(width: 3, height: 1, values: [0, 1, 0]).overlaid(
      on: gray, region: ImageRegion(x: 0, y: 0, width: 99, height: 1))
    let reds = (0..<99).map { Int(overlay.pixels[3 * $0]) }
    #expect(reds[49] == reds.max() && reds[49] > 100)
    #expect(zip(reds, reds.reversed()).allSatisfy { abs($0 - $1) <= 1 })
    #expect(reds[16] == 0 && reds[82] == 0)
    #expect(Array(reds[17...49]) == reds[17...49].sorted())
  }

  @Test func regionsOutsideTheCropAreGray() {
    let red = Image(width: 40, height: 20, pixels: (0..<800).flatMap { _ in [200, 10, 10] })
    let overlay = ActivationMap(width: 1, height: 1, values: [1]).overlaid(
      on: red, region: ImageRegion(x: 10, y: 0, width: 20, height: 20))
    for x in 0..<40 {
      let pixel = Array(overlay.pixels[3 * x..<3 * x + 3])
      let isGray = Set(pixel).count == 1
      #expect(isGray == !(10..<30).contains(x), "column \(x): \(pixel)")
    }
  }

  @Test(arguments: [[Float](repeating: -3, count: 4), [0, 0, 0, 0]])
  func mapsWithoutPositiveValuesStayCold(values: [Float]) {
    let gray = Image(width: 8, height: 8, pixels: [UInt8](repeating: 77, count: 192))
    let overlay = ActivationMap(width: 2, height: 2, values: values).overlaid(
      on: gray, region: ImageRegion(x: 0, y: 0, width: 8, height: 8))
    #expect(overlay == gray)
  }

  @Test func largeImagesAreShrunk() {
    let image = Goldens.noise(width: 130, height: 40)
    let overlay = ActivationMap(width: 1, height: 1, values: [0]).overlaid(
      on: image, region: ImageRegion(x: 200, y: 0, width: 1, height: 1), longestSide: 65)
    #expect((overlay.width, overlay.height) == (65, 20))
  }
}
