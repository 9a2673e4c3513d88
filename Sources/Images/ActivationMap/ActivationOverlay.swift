import Glibc

extension ActivationMap {
  /// The image with the positive part of the map drawn over it.
  ///
  /// Where the map is zero or negative, the image only becomes a little paler, so that the map is
  /// the only strong colour. The area outside `region`, which the map does not cover, is dark and
  /// gray.
  ///
  /// - Parameters:
  ///   - image: The upright image.
  ///   - region: The part of the image that the map covers.
  ///   - longestSide: The longest side of the result in pixels; larger images are shrunk.
  public func overlaid(
    on image: Image, region: ImageRegion, longestSide: Int = 1024
  ) -> Image {
    let (canvas, region) = Self.shrunk(image, region, longestSide: longestSide)
    let rows = smoothRows(
      at: (0..<canvas.height).map {
        (Double($0) + 0.5 - region.y) / region.height * Double(height)
      })
    let columns = (0..<canvas.width).map {
      Taps(
        at: (Double($0) + 0.5 - region.x) / region.width * Double(width), count: width)
    }
    let seenColumns = Self.seen(region.x, region.width, within: canvas.width)
    let seenRows = Self.seen(region.y, region.height, within: canvas.height)
    let scale = 1 / max(greatest.value, .leastNormalMagnitude)
    let colors = Colormap()
    var pixels = canvas.pixels
    for y in 0..<canvas.height {
      for x in 0..<canvas.width {
        let start = 3 * (y * canvas.width + x)
        let color = SIMD3<Float>(
          Float(pixels[start]), Float(pixels[start + 1]), Float(pixels[start + 2]))
        let shown: SIMD3<Float>
        if seenRows.contains(y), seenColumns.contains(x) {
          let value =
            greatest.value > 0 ? min(max(columns[x].sum { rows[y][$0] } * scale, 0), 1) : 0
          shown = Self.blend(color, colors[value], value: value)
        } else {
          shown = 0.5 * SIMD3(repeating: Self.gray(color))
        }
        for channel in 0..<3 {
          pixels[start + channel] = UInt8(min(max(shown[channel], 0), 255).rounded())
        }
      }
    }
    return Image(width: canvas.width, height: canvas.height, pixels: pixels)
  }

  /// The image's light and dark areas stay visible under the map.
  private static func blend(
    _ color: SIMD3<Float>, _ mapped: SIMD3<Float>, value: Float
  ) -> SIMD3<Float> {
    let gray = SIMD3(repeating: gray(color))
    let base = gray + 0.35 * (color - gray)
    // The map's colour takes on some of the image's lightness, so that edges stay visible.
    let lit = mapped * (0.6 + 0.4 * gray / 255)
    return base + 0.8 * smooth(value) * (lit - base)
  }

  /// From 0 to 1 without a kink at either end.
  private static func smooth(_ x: Float) -> Float { x * x * (3 - 2 * x) }

  /// The luma of BT.601.
  private static func gray(_ color: SIMD3<Float>) -> Float {
    (color * SIMD3(0.299, 0.587, 0.114)).sum()
  }

  /// The pixels along an axis whose middles lie within the region.
  private static func seen(_ start: Double, _ extent: Double, within size: Int) -> Range<Int> {
    let first = min(max((start - 0.5).rounded(.up), 0), Double(size))
    let end = min(max((start + extent - 0.5).rounded(.up), first), Double(size))
    return Int(first)..<Int(end)
  }

  private static func shrunk(
    _ image: Image, _ region: ImageRegion, longestSide: Int
  ) -> (Image, ImageRegion) {
    let longest = max(image.width, image.height)
    guard longest > longestSide else { return (image, region) }
    let width = max(1, image.width * longestSide / longest)
    let height = max(1, image.height * longestSide / longest)
    return (
      image.resized(width: width, height: height, interpolation: .bicubic),
      region.scaled(
        Double(width) / Double(image.width), Double(height) / Double(image.height))
    )
  }
}

/// A perceptually uniform colour map from dark violet through red to pale yellow: equal steps in
/// value look like equal steps in lightness.
///
/// It is computed in Oklab (Ottosson 2020), so that no edges appear where the values have none, and
/// the order is preserved in grayscale.
struct Colormap {
  /// sRGB, `steps` triples from the lowest value to the highest.
  private let table: [SIMD3<Float>]
  private static let steps = 256

  init() {
    table = (0..<Self.steps).map { step in
      let value = Double(step) / Double(Self.steps - 1)
      // The hue goes from violet through red to yellow; both ends are nearly gray, as very dark and
      // very light colours must be.
      let hue = (300 + 165 * value) * Double.pi / 180
      let chroma = 0.06 + 0.15 * sin(Double.pi * min(0.12 + value * 0.9, 1))
      return Self.sRGB(lightness: 0.22 + 0.72 * value, a: chroma * cos(hue), b: chroma * sin(hue))
    }
  }

  /// The colour for a value of 0…1, channels of 0…255.
  subscript(value: Float) -> SIMD3<Float> {
    table[Int((min(max(value, 0), 1) * Float(Self.steps - 1)).rounded())]
  }

  private static func sRGB(lightness: Double, a: Double, b: Double) -> SIMD3<Float> {
    func cube(_ x: Double) -> Double { x * x * x }
    let l = cube(lightness + 0.3963377774 * a + 0.2158037573 * b)
    let m = cube(lightness - 0.1055613458 * a - 0.0638541728 * b)
    let s = cube(lightness - 0.0894841775 * a - 1.2914855480 * b)
    let linear = [
      4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s,
      -1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s,
      -0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s,
    ]
    var color = SIMD3<Float>()
    for (channel, value) in linear.enumerated() {
      let bounded = min(max(value, 0), 1)
      let encoded =
        bounded <= 0.0031308 ? 12.92 * bounded : 1.055 * pow(bounded, 1 / 2.4) - 0.055
      color[channel] = Float(255 * encoded)
    }
    return color
  }
}
