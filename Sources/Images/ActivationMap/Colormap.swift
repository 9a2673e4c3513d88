import Glibc

/// Colours from dark violet over red to pale yellow: equal steps of heat are equal steps of
/// lightness to the eye.
///
/// Computed in Oklab (Ottosson 2020), a space in which distances are those that people see, so that
/// no edge appears where the numbers have none, and the order survives in gray.
struct Colormap {
  /// Rounded sRGB, `steps` triples from cold to hot.
  private let table: [SIMD3<Float>]
  private static let steps = 256

  init() {
    table = (0..<Self.steps).map { step in
      let heat = Double(step) / Double(Self.steps - 1)
      // The hue turns from violet past red to yellow; both ends are nearly without colour, as very
      // dark and very light colours must be.
      let hue = (300 + 165 * heat) * Double.pi / 180
      let chroma = 0.06 + 0.15 * sin(Double.pi * min(0.12 + heat * 0.9, 1))
      return Self.sRGB(lightness: 0.22 + 0.72 * heat, a: chroma * cos(hue), b: chroma * sin(hue))
    }
  }

  /// The colour for a heat of 0…1, channels of 0…255.
  subscript(heat: Float) -> SIMD3<Float> {
    table[Int((min(max(heat, 0), 1) * Float(Self.steps - 1)).rounded())]
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
