import Host
import Images
import TestSupport
import Testing

/// Operations on images, compared with Pillow's.
@Suite struct ImageOperationTests {
  struct Case: CustomTestStringConvertible {
    let image: String
    let width, height: Int
    let operation: ImageOperation
    let crc: String
    var testDescription: String { "\(operation) of \(image) \(width)x\(height)" }
  }

  static let cases: [Case] = GoldenTable.rows("operations.tsv") { row in
    guard row.count == 6, let width = Int(row[1]), let height = Int(row[2]),
      let operation = operation(row[3], row[4])
    else { return nil }
    return Case(image: row[0], width: width, height: height, operation: operation, crc: row[5])
  }

  private static func operation(_ name: String, _ parameter: String) -> ImageOperation? {
    let numbers = parameter.split(separator: " ").compactMap { Double($0) }
    guard let number = numbers.first else { return nil }
    switch name {
    case "autoContrast": return .autoContrast
    case "equalize": return .equalize
    case "invert": return .invert
    case "posterize": return .posterize(bits: Int(number))
    case "solarize": return .solarize(threshold: Int(number))
    case "solarizeAdd": return .solarizeAdd(Int(number))
    case "color": return .color(number)
    case "contrast": return .contrast(number)
    case "brightness": return .brightness(number)
    case "sharpness": return .sharpness(number)
    case "rotate": return .rotate(degrees: number)
    case "shearX": return .shearX(number)
    case "shearY": return .shearY(number)
    case "translateX": return .translateX(number)
    case "translateY": return .translateY(number)
    case "cutout":
      guard numbers.count == 4 else { return nil }
      let sides = numbers.map { Int($0) }
      return .cutout(PixelBox(columns: sides[0]..<sides[2], rows: sides[1]..<sides[3]))
    default: return nil
    }
  }

  /// The images of Scripts/goldens/record_operations.py.
  static func image(_ name: String, width: Int, height: Int) -> Image {
    if name == "noise" { return Goldens.noise(width: width, height: height) }
    var pixels: [UInt8] = []
    let noise = Goldens.noise(width: width, height: height).pixels
    for y in 0..<height {
      for x in 0..<width {
        switch name {
        case "dim":
          for i in 0..<3 {
            pixels.append(UInt8(30 + 60 * i + Int(noise[3 * (y * width + x) + i]) / (7 + 9 * i)))
          }
        case "ramp":
          for value in [7 * x + 3 * y, 2 * x + 5 * y, x * y / 4] {
            pixels.append(UInt8(value % 256))
          }
        default: pixels += [7, 130, 250]
        }
      }
    }
    return Image(width: width, height: height, pixels: pixels)
  }

  @Test func thereAreGoldens() {
    #expect(Self.cases.count == 891)
    #expect(Set(Self.cases.map(\.crc)).count > 400)
  }

  @Test(arguments: cases)
  func pixelsMatchPillow(_ example: Case) {
    var image = Self.image(example.image, width: example.width, height: example.height)
    image.apply(example.operation)
    #expect(crc(image.pixels) == example.crc)
  }
}
