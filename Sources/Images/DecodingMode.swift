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
