import Host

/// How an image becomes a training example: crop, resize, flip, RandAugment, normalise, erase.
///
/// Filter, mean and standard deviation are those of inference. The resize is bit-identical to
/// Pillow's `Image.resize(…, box=…)`.
package struct TrainingPreprocessing: Hashable, Sendable {
  /// The preprocessing of inference at the training size.
  package let inference: Preprocessing
  /// The variation.
  package let augmentation: Augmentation

  /// What a random number is for; part of its key, so a case keeps its value.
  private enum Purpose: Int { case crop, flip, randAugment, erasing }

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
    var example = cropped(image, key: key)
    if isFlipped(key) { example.mirror() }
    for operation in operations(key: key) { example.apply(operation) }
    inference.normalize(example, into: output)
    guard let box = erasedBox(key: key) else { return }
    // In normalised values, 0 is the mean colour.
    for row in box.rows {
      let first = 3 * (row * size + box.columns.lowerBound)
      output[first..<first + 3 * box.columns.count].update(repeating: 0)
    }
  }

  /// The pixels whose normalisation gives some values, rounded and clamped to 0…255.
  ///
  /// - Precondition: `values.count == valueCount`.
  package func image(_ values: UnsafeBufferPointer<Float>) -> Image {
    precondition(values.count == valueCount)
    let pixels = values.indices.map { index in
      let value = values[index] * inference.standardDeviation[index % 3] + inference.mean[index % 3]
      return UInt8(min(max(value * 255, 0), 255).rounded())
    }
    return Image(width: size, height: size, pixels: pixels)
  }

  /// RandAugment's operations on the image with a key.
  package func operations(key: RandomKey) -> [ImageOperation] {
    augmentation.randAugment?.operations(size: size, key: key[Purpose.randAugment.rawValue]) ?? []
  }

  /// Whether the image with a key is mirrored.
  package func isFlipped(_ key: RandomKey) -> Bool {
    augmentation.flips && key[Purpose.flip.rawValue].uniform() < 0.5
  }

  /// The rectangle that is erased from the image with a key.
  package func erasedBox(key: RandomKey) -> PixelBox? {
    RandomErasing(probability: augmentation.erasingProbability)
      .box(width: size, height: size, key: key[Purpose.erasing.rawValue])
  }

  /// The crop, resized.
  private func cropped(_ image: Image, key: RandomKey) -> Image {
    guard let minimumArea = augmentation.minimumArea else { return inference.cropped(image) }
    let box = RandomResizedCrop(minimumArea: minimumArea).box(
      width: image.width, height: image.height, key: key[Purpose.crop.rawValue])
    return image.resized(
      from: box, width: size, height: size, interpolation: inference.interpolation)
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

  /// Normalises the pixels of an image of the crop's size.
  fileprivate func normalize(_ image: Image, into output: UnsafeMutableBufferPointer<Float>) {
    precondition(image.pixels.count == output.count)
    image.pixels.withUnsafeBufferPointer { pixels in
      guard let base = output.baseAddress else { return }
      ByteNormalization(self).write(pixels, to: base)
    }
  }
}
