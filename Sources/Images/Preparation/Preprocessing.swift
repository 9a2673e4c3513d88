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
    guard output.count == valueCount, let base = output.baseAddress else {
      throw .wrongBufferSize(expected: valueCount, found: output.count)
    }
    let (resampling, columns, rows) = resampling(of: image)
    let rowValues = 3 * crop
    let table = normalizationTable()
    table.withUnsafeBufferPointer { table in
      guard let table = table.baseAddress else { return }
      let isPadded = columns.kept.count < crop || rows.kept.count < crop
      if isPadded {
        for i in stride(from: 0, to: valueCount, by: 3) {
          (base[i], base[i + 1], base[i + 2]) = (table[0], table[256], table[512])
        }
      }
      resampling.forEachRow { y, row in
        var out = base + (rows.padding + y) * rowValues + 3 * columns.padding
        var i = 0
        while i < row.count {
          out[0] = table[Int(row[i])]
          out[1] = table[256 + Int(row[i + 1])]
          out[2] = table[512 + Int(row[i + 2])]
          out += 3
          i += 3
        }
      }
    }
  }

  /// The image after the resize and the crop, before normalisation.
  package func cropped(_ image: Image) -> Image {
    let (resampling, columns, rows) = resampling(of: image)
    var pixels = [UInt8](repeating: 0, count: valueCount)
    resampling.forEachRow { y, row in
      let first = 3 * ((rows.padding + y) * crop + columns.padding)
      pixels.replaceSubrange(first..<first + row.count, with: row)
    }
    return Image(width: crop, height: crop, pixels: pixels)
  }

  /// The resize, and what the crop keeps of it.
  private func resampling(of image: Image) -> (Resampling, columns: CropAxis, rows: CropAxis) {
    let (width, height) = resizedSides(width: image.width, height: image.height)
    let columns = CropAxis(size: width, crop: crop)
    let rows = CropAxis(size: height, crop: crop)
    let resampling = Resampling(
      of: image, width: width, height: height, columns: columns.kept, rows: rows.kept,
      interpolation: interpolation)
    return (resampling, columns, rows)
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

  /// The normalised value of each byte, 256 for each channel, in the order of torchvision's
  /// operations: `(byte / 255 - mean) / standardDeviation`, each rounded to `Float`.
  func normalizationTable() -> [Float] {
    (0..<768).map { index in
      let channel = index / 256
      return (Float(index % 256) / 255 - mean[channel]) / standardDeviation[channel]
    }
  }
}
