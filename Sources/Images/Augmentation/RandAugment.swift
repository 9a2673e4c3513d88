import Host

/// A few random operations on each image, all of one strength.
///
/// Cubuk et al. 2020, arXiv 1909.13719. The operations are those of EfficientNetV2's released code. All of
/// them grow stronger with the magnitude, from no change at 0; in that code, colours are unchanged at 5,
/// and posterised and solarised images become milder. The ranges up to magnitude 10 are those of AutoAugment. Distances grow with the
/// image: the code's 100 and 40 pixels are taken for its images of 300.
public struct RandAugment: Hashable, Sendable {
  /// The operations on an image, one after the other, from 1.
  public let operations: Int
  /// Their strength, from 0 to 30; the same for all images.
  public let magnitude: Double

  /// - Precondition: `operations` is at least 1, and `magnitude` from 0 to 30.
  public init(operations: Int = 2, magnitude: Double) {
    precondition(operations >= 1 && (0...30).contains(magnitude))
    (self.operations, self.magnitude) = (operations, magnitude)
  }

  /// The kinds of operation; a number of the generator stands for a position, so it stays.
  private enum Kind: CaseIterable {
    case autoContrast, equalize, invert, rotate, posterize, solarize, color, contrast, brightness,
      sharpness, shearX, shearY, translateX, translateY, cutout, solarizeAdd
  }

  /// The operations on one image.
  ///
  /// - Parameters:
  ///   - size: The side of the image in pixels.
  ///   - key: Determines the operations.
  package func operations(size: Int, key: RandomKey) -> [ImageOperation] {
    (0..<operations).map { index in
      let key = key[index]
      let kind = Kind.allCases[Int(key.uniform(0) * Double(Kind.allCases.count))]
      return operation(kind, size: size, key: key)
    }
  }

  private func operation(_ kind: Kind, size: Int, key: RandomKey) -> ImageOperation {
    let level = magnitude / 10
    let sign = key.uniform(1) < 0.5 ? -1.0 : 1.0
    let factor = max(0.1, 1 + sign * 0.9 * level)
    // A label should not be without its image.
    let distance = sign * min(level / 3, 2.0 / 3) * Double(size)
    switch kind {
    case .autoContrast: return .autoContrast
    case .equalize: return .equalize
    case .invert: return .invert
    case .rotate: return .rotate(degrees: sign * 30 * level)
    case .posterize: return .posterize(bits: max(1, 8 - Int(4 * level)))
    case .solarize: return .solarize(threshold: max(0, 256 - Int(256 * level)))
    case .solarizeAdd: return .solarizeAdd(min(128, Int(110 * level)))
    case .color: return .color(factor)
    case .contrast: return .contrast(factor)
    case .brightness: return .brightness(factor)
    case .sharpness: return .sharpness(factor)
    case .shearX: return .shearX(sign * 0.3 * level)
    case .shearY: return .shearY(sign * 0.3 * level)
    case .translateX: return .translateX(distance)
    case .translateY: return .translateY(distance)
    case .cutout:
      let half = Int(level * 40 / 300 * Double(size))
      func range(_ number: Int) -> Range<Int> {
        let center = Int(key.uniform(number) * Double(size))
        return max(0, center - half)..<min(size, center + half)
      }
      return .cutout(PixelBox(columns: range(2), rows: range(3)))
    }
  }
}
