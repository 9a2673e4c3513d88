import Operators

/// Upper bounds of the similarity of images, which cost much less than the similarity itself.
///
/// A centred thumbnail of length 1 is reduced to the means of its blocks and to the length of what
/// they leave out. By the Cauchy-Schwarz inequality, the scalar product of two such vectors is at
/// least the correlation of the thumbnails. The same holds for cropped thumbnails, so each image has
/// a vector for the whole and one for each crop.
struct SimilarityBounds {
  /// Blocks along each side of a thumbnail.
  private static let blocks = 8
  /// The coordinate of what the blocks leave out.
  private static let rest = blocks * blocks
  /// The only coordinate of plain images, which are similar to each other alone.
  private static let plainness = rest + 1
  /// Floats of a vector, up to whole SIMD vectors.
  private static let length = rest + Lanes.scalarCount
  private static let crops = ImageFingerprint.cropCount
  /// Bounds are computed in Float.
  private static let tolerance: Float = 1e-4

  private typealias Lanes = SIMD8<Float>

  /// Vectors of the whole images, [count, length].
  private var wholes: [Float] = []
  /// Vectors of their crops, [count, crops, length].
  private var cropped: [Float] = []

  /// Adds an image.
  mutating func append(_ fingerprint: ImageFingerprint) {
    guard !fingerprint.isPlain else {
      wholes.append(contentsOf: repeatElement(0, count: Self.length))
      wholes[wholes.count - Self.length + Self.plainness] = 1
      cropped.append(contentsOf: repeatElement(0, count: Self.crops * Self.length))
      return
    }
    Self.append(fingerprint.centredThumbnail, to: &wholes)
    for crop in fingerprint.croppedThumbnails { Self.append(crop, to: &cropped) }
  }

  /// Appends the vector of a centred thumbnail.
  private static func append(_ thumbnail: [Float], to vectors: inout [Float]) {
    let (side, size) = (ImageFingerprint.side, ImageFingerprint.side / blocks)
    let start = vectors.count
    vectors.append(contentsOf: repeatElement(0, count: length))
    let squares = thumbnail.reduce(0) { $0 + $1 * $1 }
    guard squares > 0 else { return }
    // Sums of size² values over size: the blocks keep their part of the length.
    let scale = 1 / (squares.squareRoot() * Float(size))
    for (index, value) in thumbnail.enumerated() {
      let (y, x) = (index / side / size, index % side / size)
      vectors[start + y * blocks + x] += value * scale
    }
    let kept = vectors[start...].reduce(0) { $0 + $1 * $1 }
    vectors[start + rest] = max(0, 1 - kept).squareRoot()
  }

  /// Pairs of whole images whose similarity may exceed `ImageFingerprint.leastOfCrops`.
  var criterion: RowPairs.Criterion {
    RowPairs.Criterion(
      wholes, columns: Self.length, above: ImageFingerprint.leastOfCrops - Self.tolerance)
  }

  /// Calls `body` with a function that tells for a pair that meets `criterion` whether one of its
  /// similarities, of the whole and of the crops, may reach `least`; several threads can call it.
  func withBounds(
    reaching least: Float, _ body: (_ mayReach: (_ first: Int, _ second: Int) -> Bool) -> Void
  ) {
    let least = least - Self.tolerance
    wholes.withUnsafeBufferPointer { wholes in
      cropped.withUnsafeBufferPointer { cropped in
        guard let wholes = wholes.baseAddress, let cropped = cropped.baseAddress else {
          return body { _, _ in false }
        }
        body { first, second in
          let (a, b) = (wholes + first * Self.length, wholes + second * Self.length)
          if Self.product(a, b) >= least { return true }
          let cropsOfA = cropped + first * Self.crops * Self.length
          let cropsOfB = cropped + second * Self.crops * Self.length
          for crop in 0..<Self.crops {
            if Self.product(a, cropsOfB + crop * Self.length) >= least { return true }
            if Self.product(cropsOfA + crop * Self.length, b) >= least { return true }
          }
          return false
        }
      }
    }
  }

  private static func product(
    _ first: UnsafePointer<Float>, _ second: UnsafePointer<Float>
  ) -> Float {
    let (first, second) = (UnsafeRawPointer(first), UnsafeRawPointer(second))
    var sums = Lanes()
    for offset in stride(from: 0, to: 4 * length, by: 4 * Lanes.scalarCount) {
      sums +=
        first.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
        * second.loadUnaligned(fromByteOffset: offset, as: Lanes.self)
    }
    return sums.sum()
  }
}
