/// How faithfully images are decoded on their way into a network.
public enum DecodingMode: String, Sendable, Hashable, CaseIterable {
  /// Pillow's pixels, bit for bit.
  case exact
  /// A JPEG or WebP that is much larger than needed is scaled down by its decoder.
  ///
  /// A JPEG is decoded at 1/2, 1/4 or 1/8 of its size, and a lossy or lossless WebP is scaled to that
  /// size, as long as at least twice the size that ``Preprocessing/resize`` asks for remains. That is
  /// what Pillow's `draft` does, and sharp's shrink-on-load. Other images are decoded exactly.
  case fast
}

/// A format whose decoder can scale images down.
protocol ScaledDecoding: ImageHeader {
  /// What both sides can be divided by, from the largest divisor to the smallest.
  var divisors: [Int] { get }

  /// Decodes the image as stored, with both sides divided and rounded up.
  func decode(
    _ bytes: UnsafeRawBufferPointer, dividedBy divisor: Int
  ) throws(DecodingFailure) -> Image
}

extension ImageHeader {
  /// What the decoder can divide both sides by, so that twice the needed size remains.
  func divisor(for preprocessing: Preprocessing, turned orientation: Orientation) -> Int {
    guard let header = self as? any ScaledDecoding else { return 1 }
    let upright = orientation.swapsSides ? (height, width) : (width, height)
    let needed = preprocessing.resizedSides(width: upright.0, height: upright.1)
    return header.divisors.first { divisor in
      upright.0 >= 2 * divisor * needed.width && upright.1 >= 2 * divisor * needed.height
    } ?? 1
  }

  /// Decodes the image as stored, scaled down if `divisor` is not 1.
  func decode(
    _ bytes: UnsafeRawBufferPointer, scaledBy divisor: Int
  ) throws(DecodingFailure) -> Image {
    if divisor > 1, let header = self as? any ScaledDecoding {
      return try header.decode(bytes, dividedBy: divisor)
    }
    return try decode(bytes)
  }
}
