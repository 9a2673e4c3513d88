import Glibc

/// From a point of a transformed image to the point of the image that it shows.
///
/// x' = xx · x + xy · y + x₀ and y' = yx · x + yy · y + y₀, in pixels from the upper left corner.
struct AffineMap {
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

  /// Rounded to 15 decimals as Python does it, so that right angles are exact.
  private static func rounded(_ value: Double) -> Double {
    let scale = 1e15
    let product = value * scale
    var whole = product.rounded(.toNearestOrEven)
    // The product is rounded itself; what it lost decides between the neighbours.
    let rest = product - whole + (-product).addingProduct(value, scale)
    if rest > 0.5 { whole += 1 } else if rest < -0.5 { whole -= 1 }
    return whole / scale
  }
}

extension Image {
  /// Replaces each pixel by the image at the pixel's point, interpolated bilinearly; grey if that is
  /// outside.
  mutating func transform(_ map: AffineMap) {
    let source = PixelReader(image: self)
    let (width, height) = (width, height)
    pixels.withUnsafeMutableBufferPointer { target in
      var out = target.startIndex
      for row in 0..<height {
        for column in 0..<width {
          let (x, y) = (Double(column) + 0.5, Double(row) + 0.5)
          source.write(
            x: map.xx * x + map.xy * y + map.x, y: map.yx * x + map.yy * y + map.y, to: target, out)
          out += 3
        }
      }
    }
  }

  /// Moves the image to the left and upwards by the nearest whole pixels; the rest is grey.
  mutating func shift(left: Double, up: Double) {
    let columns = Self.sources(of: width, shift: left)
    let rows = Self.sources(of: height, shift: up)
    let source = pixels
    for (y, row) in rows.enumerated() {
      for (x, column) in columns.enumerated() {
        let out = 3 * (y * width + x)
        for channel in 0..<3 {
          pixels[out + channel] =
            if let row, let column { source[3 * (row * width + column) + channel] } else {
              Self.outside
            }
        }
      }
    }
  }

  /// Where each position of a shifted axis comes from; `nil` if that is outside.
  private static func sources(of size: Int, shift: Double) -> [Int?] {
    // Pillow adds up the positions, which matters halfway between pixels.
    var position = shift + 0.5
    return (0..<size).map { _ in
      defer { position += 1 }
      return position >= 0 && position < Double(size) ? Int(position) : nil
    }
  }
}

/// Pixels at any point of an image.
private struct PixelReader {
  let image: Image

  /// Writes the pixel at a point: between the centres of pixels interpolated, beyond those at the
  /// edges constant, outside the image grey.
  func write(x: Double, y: Double, to target: UnsafeMutableBufferPointer<UInt8>, _ out: Int) {
    let (width, height) = (image.width, image.height)
    guard x >= 0, x < Double(width), y >= 0, y < Double(height) else {
      for channel in 0..<3 { target[out + channel] = Image.outside }
      return
    }
    let (column, row) = ((x - 0.5).rounded(.down), (y - 0.5).rounded(.down))
    let (right, down) = (x - 0.5 - column, y - 0.5 - row)
    let (left, top) = (max(Int(column), 0), max(Int(row), 0))
    let step = 3 * (min(Int(column) + 1, width - 1) - left)
    let first = 3 * (top * width + left)
    let below = first + 3 * width * (min(Int(row) + 1, height - 1) - top)
    image.pixels.withUnsafeBufferPointer { pixels in
      for channel in 0..<3 {
        func between(_ index: Int) -> Double {
          let (a, b) = (Double(pixels[index]), Double(pixels[index + step]))
          return a + (b - a) * right
        }
        let (upper, lower) = (between(first + channel), between(below + channel))
        target[out + channel] = UInt8(upper + (lower - upper) * down)
      }
    }
  }
}
