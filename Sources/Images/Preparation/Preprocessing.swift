/// How an image becomes a network's input: resize, centre crop, normalise.
///
/// The preprocessing belongs to the weights: they need the same preprocessing as in training. The
/// results are bit-identical to torchvision's `Resize`, `CenterCrop`, `ToTensor` and `Normalize` on
/// a Pillow image.
public struct Preprocessing: Sendable, Equatable, Hashable {
  /// The length in pixels that the short side, or both sides, are resized to: see `fit`.
  public let resize: Int
  /// The side in pixels of the square centre crop.
  ///
  /// If the resized image is smaller, it is padded with black.
  public let crop: Int
  /// The filter of the resize.
  public let interpolation: Interpolation
  /// The value subtracted from each channel (R, G, B), for pixels from 0 to 1.
  public let mean: SIMD3<Float>
  /// The value that each channel (R, G, B) is then divided by, on the same scale.
  public let standardDeviation: SIMD3<Float>

  /// How the long side is resized.
  public let fit: Fit

  /// How the long side is resized.
  public enum Fit: String, Sendable, Hashable, CaseIterable {
    /// The aspect ratio is kept.
    case shortSide = "short-side"
    /// It becomes as long as the short side, which distorts the image: timm's `squash`.
    case squash
  }

  /// The valid values of `resize`.
  public static let resizes = 1...8192
  /// The valid values of `crop`.
  ///
  /// A network's memory grows with the square of the crop, and the preprocessing in a weight file
  /// must not request more memory than a machine has.
  public static let crops = 1...2048

  /// Creates a preprocessing.
  ///
  /// - Precondition: `resize` is within ``resizes`` and `crop` within ``crops``; the means are
  ///   finite, the standard deviations finite and positive.
  public init(
    resize: Int, crop: Int, interpolation: Interpolation, mean: SIMD3<Float>,
    standardDeviation: SIMD3<Float>, fit: Fit = .shortSide
  ) {
    precondition(Self.resizes.contains(resize) && Self.crops.contains(crop))
    for channel in 0..<3 {
      precondition(mean[channel].isFinite)
      precondition(standardDeviation[channel].isFinite && standardDeviation[channel] > 0)
    }
    self.resize = resize
    self.crop = crop
    self.interpolation = interpolation
    self.mean = mean
    self.standardDeviation = standardDeviation
    self.fit = fit
  }

  /// The number of values that ``apply(to:into:)`` writes: `3 * crop * crop`.
  public var valueCount: Int { 3 * crop * crop }

  /// Prepares an image for a network.
  ///
  /// - Parameters:
  ///   - image: The upright image.
  ///   - output: Receives all values, `[crop, crop, 3]`: rows of pixels of R, G, B, the NHWC layout
  ///     of one image.
  /// - Throws: ``PreprocessingError/wrongBufferSize(expected:found:)`` unless
  ///   `output.count == valueCount`; nothing is written in that case.
  public func apply(
    to image: Image, into output: UnsafeMutableBufferPointer<Float>
  ) throws(PreprocessingError) {
    let target = try NormalizedTarget(self, output)
    let plan = PreparationPlan(self, width: image.width, height: image.height)
    target.fillPadding(plan)
    let places = plan.places
    plan.resampling.forEachRow(of: image) { target.write($1, to: places[$0]) }
  }

  /// The image after the resize and the crop, before normalisation.
  package func cropped(_ image: Image) -> Image {
    let plan = PreparationPlan(self, width: image.width, height: image.height)
    let places = plan.places
    var pixels = [UInt8](repeating: 0, count: valueCount)
    plan.resampling.forEachRow(of: image) { y, row in
      let first = places[y].first
      pixels.replaceSubrange(first..<first + row.count, with: row)
    }
    return Image(width: crop, height: crop, pixels: pixels)
  }

  /// The sides of an image after the resize.
  func resizedSides(width: Int, height: Int) -> (width: Int, height: Int) {
    switch fit {
    case .shortSide:
      let short = min(width, height)
      return (resize * width / short, resize * height / short)
    case .squash: return (resize, resize)
    }
  }
}
