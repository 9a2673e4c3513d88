import Glibc

/// From a point of a transformed image to the point of the image that it shows.
///
/// x' = xx · x + xy · y + x₀ and y' = yx · x + yy · y + y₀, in pixels from the upper left corner.
struct AffineMap {
  /// How a pixel is computed from those around its point.
  enum Filter { case nearest, bilinear }

  var xx = 1.0
  var xy = 0.0
  var x = 0.0
  var yx = 0.0
  var yy = 1.0
  var y = 0.0

  /// Counterclockwise around the centre of an image, as `Image.rotate` computes it.
  static func rotation(_ degrees: Double, width: Int, height: Int) -> AffineMap {
    // Python's degrees: 0 or more, below 360.
    let remainder = fmod(degrees, 360)
    let turn = remainder < 0 ? remainder + 360 : remainder
    let angle = -(turn * (.pi / 180))
    let (cosine, sine) = (rounded(cos(angle)), rounded(sin(angle)))
    let (centerX, centerY) = (Double(width) / 2, Double(height) / 2)
    var map = AffineMap(xx: cosine, xy: sine, yx: rounded(-sin(angle)), yy: cosine)
    map.x = cosine * -centerX + sine * -centerY + centerX
    map.y = map.yx * -centerX + cosine * -centerY + centerY
    return map
  }

  /// Rounded to 15 decimals, so that right angles are exact.
  private static func rounded(_ value: Double) -> Double {
    (value * 1e15).rounded(.toNearestOrEven) / 1e15
  }
}

extension Image {
  /// Replaces each pixel by that at its point in the image, as `Image.transform` does; grey if that
  /// is outside.
  mutating func transform(_ map: AffineMap, _ filter: AffineMap.Filter) {
    let source = pixels
    let (width, height) = (width, height)
    source.withUnsafeBufferPointer { source in
      pixels.withUnsafeMutableBufferPointer { target in
        for row in 0..<height {
          for column in 0..<width {
            let (x, y) = (Double(column) + 0.5, Double(row) + 0.5)
            let point = (
              x: map.xx * x + map.xy * y + map.x, y: map.yx * x + map.yy * y + map.y
            )
            let out = 3 * (row * width + column)
            guard point.x >= 0, point.x < Double(width), point.y >= 0, point.y < Double(height)
            else {
              for channel in 0..<3 { target[out + channel] = Self.outside }
              continue
            }
            switch filter {
            case .nearest:
              let first = 3 * (Int(point.y) * width + Int(point.x))
              for channel in 0..<3 { target[out + channel] = source[first + channel] }
            case .bilinear:
              let (x, y) = (point.x - 0.5, point.y - 0.5)
              let (left, top) = (x.rounded(.down), y.rounded(.down))
              let columns = (max(Int(left), 0), min(Int(left) + 1, width - 1))
              let rows = (max(Int(top), 0), min(Int(top) + 1, height - 1))
              for channel in 0..<3 {
                func sample(_ column: Int, _ row: Int) -> Double {
                  Double(source[3 * (row * width + column) + channel])
                }
                func blend(_ a: Double, _ b: Double, _ share: Double) -> Double {
                  a + (b - a) * share
                }
                let upper = blend(
                  sample(columns.0, rows.0), sample(columns.1, rows.0), x - left)
                let lower = blend(
                  sample(columns.0, rows.1), sample(columns.1, rows.1), x - left)
                target[out + channel] = UInt8(blend(upper, lower, y - top))
              }
            }
          }
        }
      }
    }
  }
}
