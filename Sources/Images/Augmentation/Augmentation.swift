import Host

/// How a training image varies from epoch to epoch.
public struct Augmentation: Hashable, Sendable {
  /// The smallest share of the image's area in a random crop; `nil` for the crop of inference.
  public let minimumArea: Double?
  /// Whether every other image, at random, is mirrored.
  public let flips: Bool

  /// - Parameters:
  ///   - minimumArea: The smallest share of the image's area in a random crop, above 0 and at most
  ///     1; `nil` for the crop of inference.
  ///   - flips: Whether every other image, at random, is mirrored.
  public init(minimumArea: Double?, flips: Bool) {
    precondition(minimumArea.map { $0 > 0 && $0 <= 1 } ?? true)
    (self.minimumArea, self.flips) = (minimumArea, flips)
  }

  /// No variation: the preprocessing of inference, at the training size.
  public static let none = Augmentation(minimumArea: nil, flips: false)

  /// A random rectangle, stretched to a square and mirrored at random.
  ///
  /// Its aspect ratio is from 3:4 to 4:3.
  ///
  /// - Parameter minimumArea: The smallest share of the image's area, above 0 and at most 1.
  public static func cropAndFlip(minimumArea: Double = 0.35) -> Augmentation {
    Augmentation(minimumArea: minimumArea, flips: true)
  }
}

/// How an image becomes a training example: crop, resize, flip, normalise.
///
/// Filter, mean and standard deviation are those of inference. The resize is bit-identical to
/// Pillow's `Image.resize(…, box=…)`.
package struct TrainingPreprocessing: Hashable, Sendable {
  /// The preprocessing of inference at the training size.
  package let inference: Preprocessing
  /// The variation.
  package let augmentation: Augmentation

  /// What a random number is for.
  private enum Purpose: Int { case crop, flip }

  /// - Parameters:
  ///   - preprocessing: The preprocessing of inference, at any size.
  ///   - size: The side in pixels of the training examples, within `Preprocessing.crops`.
  package init(_ preprocessing: Preprocessing, size: Int, augmentation: Augmentation) {
    inference = preprocessing.scaled(toCrop: size)
    self.augmentation = augmentation
  }

  /// The side in pixels of the training examples.
  package var size: Int { inference.crop }

  /// The number of values that `apply(to:key:into:)` writes: `3 * size * size`.
  package var valueCount: Int { inference.valueCount }

  /// Prepares an image.
  ///
  /// - Parameters:
  ///   - image: The upright image.
  ///   - key: Determines the variation.
  ///   - output: Receives all values, [size, size, 3].
  /// - Precondition: `output.count == valueCount`.
  package func apply(
    to image: Image, key: RandomKey, into output: UnsafeMutableBufferPointer<Float>
  ) {
    precondition(output.count == valueCount)
    if let minimumArea = augmentation.minimumArea {
      let crop = RandomResizedCrop(minimumArea: minimumArea)
      let key = key[Purpose.crop.rawValue]
      inference.normalize(
        image, crop.box(width: image.width, height: image.height, key: key), into: output)
    } else {
      do throws(PreprocessingError) {
        try inference.apply(to: image, into: output)
      } catch {
        preconditionFailure("the buffer has the right size")
      }
    }
    if augmentation.flips, key[Purpose.flip.rawValue].uniform() < 0.5 {
      mirrorRows(of: output, width: size)
    }
  }
}

extension Preprocessing {
  /// The same preprocessing for another input size: the resize grows or shrinks with the crop.
  ///
  /// - Precondition: `side` is within ``crops``.
  package func scaled(toCrop side: Int) -> Preprocessing {
    let scaled = (Double(resize) * Double(side) / Double(crop)).rounded()
    let resize = min(max(Int(scaled), Self.resizes.lowerBound), Self.resizes.upperBound)
    return Preprocessing(
      resize: resize, crop: side, interpolation: interpolation, mean: mean,
      standardDeviation: standardDeviation, fit: fit)
  }

  /// Stretches a part of an image to the crop's size and normalises it.
  fileprivate func normalize(
    _ image: Image, _ box: PixelBox, into output: UnsafeMutableBufferPointer<Float>
  ) {
    let resampling = Resampling(
      of: image, box: box, width: crop, height: crop, columns: 0..<crop, rows: 0..<crop,
      interpolation: interpolation)
    normalizationTable().withUnsafeBufferPointer { table in
      guard let table = table.baseAddress, let base = output.baseAddress else { return }
      resampling.forEachRow { y, row in
        let out = base + y * row.count
        for i in stride(from: 0, to: row.count, by: 3) {
          out[i] = table[Int(row[i])]
          out[i + 1] = table[256 + Int(row[i + 1])]
          out[i + 2] = table[512 + Int(row[i + 2])]
        }
      }
    }
  }
}

/// Reverses the order of the pixels in each row of [rows, width, 3].
private func mirrorRows(of values: UnsafeMutableBufferPointer<Float>, width: Int) {
  for row in stride(from: 0, to: values.count, by: 3 * width) {
    var (left, right) = (row, row + 3 * width - 3)
    while left < right {
      for channel in 0..<3 { values.swapAt(left + channel, right + channel) }
      left += 3
      right -= 3
    }
  }
}
