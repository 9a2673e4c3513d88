/// The filter that weighs source pixels when an image is resized.
///
/// Both are stretched by the scale when they shrink an image, so that every source pixel counts:
/// Pillow's and torchvision's "antialiased" resize.
public enum Interpolation: String, Equatable, Hashable, Sendable, CaseIterable {
  /// A triangle of radius 1.
  case bilinear
  /// Keys' cubic of radius 2 with a = -1/2.
  case bicubic

  /// The distance in pixels beyond which the filter is zero.
  var radius: Double {
    switch self {
    case .bilinear: return 1
    case .bicubic: return 2
    }
  }

  /// The weight at a distance in pixels.
  ///
  /// Every operation is in the order of Pillow's `Resample.c`, as the result must be the same to
  /// the last bit.
  func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear:
      return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}
