/// Moves an image away from, or towards, a simpler version of itself (Haeberli & Voorhies 1994).
extension Image {
  /// `other` + `factor` · (image − `other`), clamped to 0…255.
  ///
  /// - Parameter other: Another image's samples, or one pixel for all.
  mutating func blend(with other: [UInt8], _ factor: Double) {
    // Pillow's factor is a C float.
    let factor = Float(factor)
    if factor == 1 { return }
    precondition(other.count == pixels.count || other.count == 3)
    let isPixel = other.count == 3
    other.withUnsafeBufferPointer { other in
      pixels.withUnsafeMutableBufferPointer { pixels in
        for i in pixels.indices {
          let base = Int32(other[isPixel ? i % 3 : i])
          let value = Float(base) + factor * Float(Int32(pixels[i]) - base)
          pixels[i] = UInt8(min(max(value, 0), 255))
        }
      }
    }
  }

  /// The image in grey, R = G = B.
  var grey: [UInt8] {
    var samples = pixels
    for i in stride(from: 0, to: samples.count, by: 3) {
      let brightness = Self.brightness(samples[i], samples[i + 1], samples[i + 2])
      (samples[i], samples[i + 1], samples[i + 2]) = (brightness, brightness, brightness)
    }
    return samples
  }

  /// The mean brightness, rounded.
  var meanBrightness: UInt8 {
    var sum = 0
    for i in stride(from: 0, to: pixels.count, by: 3) {
      sum += Int(Self.brightness(pixels[i], pixels[i + 1], pixels[i + 2]))
    }
    return UInt8(Double(sum) / Double(width * height) + 0.5)
  }

  /// The luma of ITU-R BT.601 in units of 2⁻¹⁶, rounded.
  private static func brightness(_ red: UInt8, _ green: UInt8, _ blue: UInt8) -> UInt8 {
    UInt8((19595 * Int32(red) + 38470 * Int32(green) + 7471 * Int32(blue) + 0x8000) >> 16)
  }

  /// The image smoothed by a 3 x 3 filter; the edges stay as they are.
  ///
  /// The filter has 5/13 in the centre and 1/13 around it.
  var smoothed: [UInt8] {
    var samples = pixels
    guard width >= 3, height >= 3 else { return samples }
    let row = 3 * width
    pixels.withUnsafeBufferPointer { source in
      samples.withUnsafeMutableBufferPointer { samples in
        for y in 1..<height - 1 {
          for i in y * row + 3..<(y + 1) * row - 3 {
            var sum = 4 * Int32(source[i])
            for first in [i - row, i, i + row] {
              sum += Int32(source[first - 3]) + Int32(source[first]) + Int32(source[first + 3])
            }
            // The sum divided by 13 and rounded: never a tie, as 13 is odd.
            samples[i] = UInt8((2 * sum + 13) / 26)
          }
        }
      }
    }
    return samples
  }
}
