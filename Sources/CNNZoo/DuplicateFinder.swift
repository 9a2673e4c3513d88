import Operators

/// A compact description of an image's pixels: a hash to recognise exact copies and a thumbnail to
/// recognise edited ones.
public struct ImageFingerprint: Sendable, Equatable {
  /// Pixels along each side of the thumbnail.
  static let side = 32

  private let hash: SIMD2<UInt64>
  /// `side × side` values of luma.
  private let thumbnail: [UInt8]
  private let mean: Float
  /// The square root of the sum of squared deviations from the mean.
  private let norm: Float

  /// Computes the fingerprint of an image.
  public init(_ image: Image) {
    hash = Self.hash(of: image)
    let small = image.resized(width: Self.side, height: Self.side, interpolation: .bilinear).pixels
    thumbnail = stride(from: 0, to: small.count, by: 3).map { index in
      // BT.601, in units of 1/65536.
      let luma =
        19_595 * Int(small[index]) + 38_470 * Int(small[index + 1]) + 7_471 * Int(small[index + 2])
      return UInt8((luma + 32_768) >> 16)
    }
    let (sum, squares) = thumbnail.reduce((0, 0)) { ($0.0 + Int($1), $0.1 + Int($1) * Int($1)) }
    mean = Float(sum) / Float(thumbnail.count)
    norm = Float(max(0, Double(squares) - Double(sum) * Double(sum) / Double(thumbnail.count)))
      .squareRoot()
  }

  /// Whether both images have the same pixels.
  func isExactCopy(of other: ImageFingerprint) -> Bool {
    hash == other.hash && thumbnail == other.thumbnail
  }

  /// The similarity of the thumbnails, −1…1.
  ///
  /// It is the highest correlation, allowing for one of the images being the middle or a corner of
  /// the other, cropped by 5 %.
  func similarity(to other: ImageFingerprint) -> Float {
    // Plain images have no structure to correlate, so only their brightness is compared.
    let least = Float(Self.side)
    guard norm > least, other.norm > least else {
      return norm <= least && other.norm <= least && abs(mean - other.mean) <= 2 ? 1 : 0
    }
    let (own, others) = (thumbnail.map(Float.init), other.thumbnail.map(Float.init))
    let plain = Self.correlation(own, others)
    // Two images that differ by a crop of 5 % correlate more than this.
    guard plain > 0.5 else { return plain }
    return Self.crops.reduce(plain) { best, crop in
      max(
        best, Self.correlation(Self.cropped(own, crop), others),
        Self.correlation(own, Self.cropped(others, crop)))
    }
  }

  /// The left and upper edges of crops in the middle and in the corners, as fractions of the side.
  private static let crops: [SIMD2<Float>] = [
    SIMD2(0.5, 0.5), SIMD2(0, 0), SIMD2(1, 0), SIMD2(0, 1), SIMD2(1, 1),
  ].map { $0 * cropping }

  /// The fraction of each side that a crop removes.
  private static let cropping: Float = 0.05

  /// A crop of a thumbnail, stretched to the thumbnail's size by linear interpolation.
  private static func cropped(_ values: [Float], _ crop: SIMD2<Float>) -> [Float] {
    let (columns, rows) = (taps(from: crop.x), taps(from: crop.y))
    return [Float](unsafeUninitializedCapacity: side * side) { result, count in
      for (y, row) in rows.enumerated() {
        let (upper, lower) = (row.index * side, (row.index + 1) * side)
        for (x, column) in columns.enumerated() {
          let (left, right) = (column.index, column.index + 1)
          let above =
            values[upper + left] + column.weight * (values[upper + right] - values[upper + left])
          let below =
            values[lower + left] + column.weight * (values[lower + right] - values[lower + left])
          result[y * side + x] = above + row.weight * (below - above)
        }
      }
      count = side * side
    }
  }

  /// For each pixel of a crop along one axis: the pixel before it, and the weight of the next one.
  private static func taps(from start: Float) -> [(index: Int, weight: Float)] {
    (0..<side).map { pixel in
      let place =
        start * Float(side) + (Float(pixel) + 0.5) * (1 - cropping) - 0.5
      let index = min(max(Int(place.rounded(.down)), 0), side - 2)
      return (index, min(max(place - Float(index), 0), 1))
    }
  }

  /// Pearson's correlation of two thumbnails.
  private static func correlation(_ first: [Float], _ second: [Float]) -> Float {
    var (sums, squares) = (SIMD2<Float>(), SIMD2<Float>())
    var product: Float = 0
    for index in first.indices {
      let pair = SIMD2(first[index], second[index]) - 128
      sums += pair
      squares += pair * pair
      product += pair.x * pair.y
    }
    let count = Float(first.count)
    let deviations = squares - sums * sums / count
    guard deviations.min() > 0 else { return 0 }
    return (product - sums.x * sums.y / count) / (deviations.x * deviations.y).squareRoot()
  }

  /// A key for dictionaries: equal for exact copies.
  var key: SIMD2<UInt64> { hash }

  /// Two independent 64-bit hashes of the size and all pixels.
  private static func hash(of image: Image) -> SIMD2<UInt64> {
    var state = SIMD2<UInt64>(0x9E37_79B9_7F4A_7C15, 0xC2B2_AE3D_27D4_EB4F)
    let factors = SIMD2<UInt64>(0xFF51_AFD7_ED55_8CCD, 0xC4CE_B9FE_1A85_EC53)
    func mix(_ word: UInt64) {
      state = (state ^ SIMD2(repeating: word)) &* factors
      state ^= state &>> 29
    }
    mix(UInt64(image.width))
    mix(UInt64(image.height))
    image.pixels.withUnsafeBytes { bytes in
      let words = bytes.count / 8
      for index in 0..<words {
        mix(bytes.loadUnaligned(fromByteOffset: 8 * index, as: UInt64.self))
      }
      for index in 8 * words..<bytes.count { mix(UInt64(bytes[index])) }
    }
    return state
  }
}

/// Finds images that are copies of each other: exact ones by their pixels, edited ones (recompressed,
/// resized, slightly cropped) by their embeddings and thumbnails.
///
/// Embeddings alone cannot distinguish an edited copy from another photo of the same object,
/// because shrinking an image to half its size can change its embedding more. So the thumbnails of
/// pairs with similar embeddings are compared, allowing for a crop. The thresholds were measured
/// with EfficientNet-Lite0.
public struct DuplicateFinder: Sendable {
  /// Images that are copies of each other.
  public struct Group: Sendable, Equatable {
    /// Two or more images, in the order of `append`.
    public let images: [Int]
    /// Whether all of them have the same pixels.
    public let isExact: Bool

    init(images: [Int], isExact: Bool) { (self.images, self.isExact) = (images, isExact) }
  }

  /// Values of an embedding.
  public let dimension: Int
  /// Images appended so far.
  public var count: Int { fingerprints.count }
  /// [count, dimension], rows of length 1.
  private var values: [Float] = []
  private var fingerprints: [ImageFingerprint] = []
  private let products: MatrixProducts

  // Measured on TrashNet and Flowers: see the article YourOwnClasses.
  /// The minimum cosine of the embeddings of copies.
  private static let leastCosine: Float = 0.65
  /// The minimum similarity of the thumbnails of copies.
  private static let leastSimilarity: Float = 0.98

  /// Creates a finder without images.
  ///
  /// - Throws: `OpenBLASError` if OpenBLAS, which compares the embeddings, cannot be loaded.
  public init(dimension: Int) throws(OpenBLASError) {
    precondition(dimension > 0)
    self.dimension = dimension
    products = try MatrixProducts()
  }

  /// Adds an image: its embedding, of `dimension` finite values, and its fingerprint.
  public mutating func append(_ embedding: [Float], _ fingerprint: ImageFingerprint) {
    precondition(embedding.count == dimension)
    // A vector of zeros has no direction; the image can still be an exact copy.
    values += (try? embedding.normalized()) ?? embedding
    fingerprints.append(fingerprint)
  }

  /// The groups of copies, ordered by their first image; takes n² comparisons for n images.
  public func groups() -> [Group] {
    var sets = DisjointSets(count: count)
    var firstByKey: [SIMD2<UInt64>: Int] = [:]
    for (image, fingerprint) in fingerprints.enumerated() {
      let first = firstByKey[fingerprint.key] ?? image
      firstByKey[fingerprint.key] = first
      if first != image, fingerprint.isExactCopy(of: fingerprints[first]) {
        sets.join(first, image)
      }
    }
    products.forEachPair(
      ofRows: values, columns: dimension, above: Self.leastCosine
    ) { first, second, _ in
      if fingerprints[first].similarity(to: fingerprints[second]) >= Self.leastSimilarity {
        sets.join(first, second)
      }
    }
    var members: [Int: [Int]] = [:]
    for image in 0..<count { members[sets.root(of: image), default: []].append(image) }
    return members.values.filter { $0.count > 1 }.sorted { $0[0] < $1[0] }.map { images in
      Group(
        images: images,
        isExact: images.allSatisfy { fingerprints[$0].isExactCopy(of: fingerprints[images[0]]) })
    }
  }
}

/// A partition of 0..<count whose parts can only be merged.
private struct DisjointSets {
  private var parents: [Int]

  init(count: Int) { parents = Array(0..<count) }

  mutating func root(of element: Int) -> Int {
    var root = element
    while parents[root] != root { root = parents[root] }
    var step = element
    while parents[step] != root { (step, parents[step]) = (parents[step], root) }
    return root
  }

  mutating func join(_ first: Int, _ second: Int) {
    let (a, b) = (root(of: first), root(of: second))
    parents[max(a, b)] = min(a, b)
  }
}
