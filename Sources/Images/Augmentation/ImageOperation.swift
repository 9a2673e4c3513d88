/// An operation on an image that keeps its size: those of AutoAugment.
///
/// Cubuk et al. 2019, arXiv 1805.09501, table 6. Each is bit-identical to Pillow's for the same
/// parameter; pixels that come from outside the image are grey, (128, 128, 128).
package enum ImageOperation: Hashable, Sendable {
  /// Stretches each channel to 0…255: `ImageOps.autocontrast`.
  case autoContrast
  /// Makes each channel's values equally frequent: `ImageOps.equalize`.
  case equalize
  /// 255 − value: `ImageOps.invert`.
  case invert
  /// Keeps the highest bits, 1 to 8 of them: `ImageOps.posterize`.
  case posterize(bits: Int)
  /// Inverts values from a threshold on: `ImageOps.solarize`.
  case solarize(threshold: Int)
  /// Adds to values below 128, up to 255: `Image.point`.
  case solarizeAdd(Int)
  /// Saturation; 0 is grey and 1 the image, as in the following: `ImageEnhance.Color`.
  case color(Double)
  /// Distance from the mean brightness: `ImageEnhance.Contrast`.
  case contrast(Double)
  /// Distance from black: `ImageEnhance.Brightness`.
  case brightness(Double)
  /// Distance from the image smoothed by a 3 x 3 filter: `ImageEnhance.Sharpness`.
  case sharpness(Double)
  /// Turns counterclockwise around the centre: `Image.rotate` with bilinear interpolation.
  case rotate(degrees: Double)
  /// Moves each row to the left by this share of its distance from the top: `Image.transform` with
  /// bilinear interpolation.
  case shearX(Double)
  /// Moves each column upwards by this share of its distance from the left edge.
  case shearY(Double)
  /// Moves the image to the left, in pixels: `Image.transform` with the nearest pixel.
  case translateX(Double)
  /// Moves the image upwards, in pixels.
  case translateY(Double)
  /// Makes a rectangle inside the image grey: `Image.paste`.
  case cutout(PixelBox)
}

extension ImageOperation: CustomStringConvertible {
  /// Its name and parameter, such as `rotate 12°`.
  package var description: String {
    switch self {
    case .autoContrast: "autocontrast"
    case .equalize: "equalize"
    case .invert: "invert"
    case .posterize(let bits): "posterize to \(bits) bits"
    case .solarize(let threshold): "solarize from \(threshold)"
    case .solarizeAdd(let amount): "solarize, add \(amount)"
    case .color(let factor): "color × \(Self.decimal(factor))"
    case .contrast(let factor): "contrast × \(Self.decimal(factor))"
    case .brightness(let factor): "brightness × \(Self.decimal(factor))"
    case .sharpness(let factor): "sharpness × \(Self.decimal(factor))"
    case .rotate(let degrees): "rotate \(Self.decimal(degrees))°"
    case .shearX(let shear): "shear x \(Self.decimal(shear))"
    case .shearY(let shear): "shear y \(Self.decimal(shear))"
    case .translateX(let pixels): "\(Self.decimal(abs(pixels))) px \(pixels < 0 ? "right" : "left")"
    case .translateY(let pixels): "\(Self.decimal(abs(pixels))) px \(pixels < 0 ? "down" : "up")"
    case .cutout(let box): "cutout \(box.columns.count) × \(box.rows.count) px"
    }
  }

  /// At most two decimals.
  private static func decimal(_ value: Double) -> String {
    let rounded = (abs(value) * 100).rounded() / 100
    let digits = rounded == rounded.rounded() ? "\(Int(rounded))" : "\(rounded)"
    return value < 0 ? "−" + digits : digits
  }
}

extension Image {
  /// Applies an operation.
  package mutating func apply(_ operation: ImageOperation) {
    switch operation {
    case .autoContrast: apply(LookupTable.autoContrast(of: self))
    case .equalize: apply(LookupTable.equalization(of: self))
    case .invert: apply(LookupTable { 255 - $0 })
    case .posterize(let bits): apply(LookupTable { $0 & ~(1 << (8 - bits) - 1) })
    case .solarize(let threshold): apply(LookupTable { $0 < threshold ? $0 : 255 - $0 })
    case .solarizeAdd(let amount): apply(LookupTable { $0 < 128 ? $0 + amount : $0 })
    case .color(let factor): blend(with: grey, factor)
    case .contrast(let factor):
      blend(with: [meanBrightness, meanBrightness, meanBrightness], factor)
    case .brightness(let factor): blend(with: [0, 0, 0], factor)
    case .sharpness(let factor): blend(with: smoothed, factor)
    case .rotate(let degrees): transform(.rotation(degrees, width: width, height: height))
    case .shearX(let shear): transform(AffineMap(xy: shear))
    case .shearY(let shear): transform(AffineMap(yx: shear))
    case .translateX(let pixels): shift(left: pixels, up: 0)
    case .translateY(let pixels): shift(left: 0, up: pixels)
    case .cutout(let box): fill(box)
    }
  }

  /// The grey of pixels that come from outside an image.
  static let outside: UInt8 = 128

  private mutating func fill(_ box: PixelBox) {
    for row in box.rows {
      let first = 3 * (row * width + box.columns.lowerBound)
      for i in first..<first + 3 * box.columns.count { pixels[i] = Self.outside }
    }
  }
}
