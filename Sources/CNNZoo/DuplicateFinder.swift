import InstructionSets
import Operators
import Synchronization

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

    package init(images: [Int], isExact: Bool) { (self.images, self.isExact) = (images, isExact) }
  }

  /// Values of an embedding.
  public let dimension: Int
  /// Images appended so far.
  public var count: Int { fingerprints.count }
  /// [count, dimension], rows of length 1.
  private var values: [Float] = []
  private var fingerprints: [ImageFingerprint] = []
  private var bounds = SimilarityBounds()
  private let pairs: RowPairs

  // Measured on TrashNet and Flowers: see the article YourOwnClasses.
  /// The minimum cosine of the embeddings of copies.
  private static let leastCosine: Float = 0.65
  /// The minimum similarity of the thumbnails of copies.
  private static let leastSimilarity: Float = 0.98

  /// Creates a finder without images.
  ///
  /// - Throws: `ProcessorError` if `CNNZOO_ISA` is wrong.
  public init(dimension: Int) throws(ProcessorError) {
    precondition(dimension > 0)
    self.dimension = dimension
    pairs = try RowPairs()
  }

  /// The groups of copies among images, of which some may have no fingerprint.
  static func groups(
    of images: some Sequence<([Float], ImageFingerprint?)>, dimension: Int, threads: Int
  ) throws(ProcessorError) -> [Group] {
    var finder = try DuplicateFinder(dimension: dimension)
    var known: [Int] = []
    for (index, (embedding, fingerprint)) in images.enumerated() {
      guard let fingerprint else { continue }
      finder.append(embedding, fingerprint)
      known.append(index)
    }
    return finder.groups(threads: threads).map {
      Group(images: $0.images.map { known[$0] }, isExact: $0.isExact)
    }
  }

  /// Adds an image: its embedding, of `dimension` finite values, and its fingerprint.
  public mutating func append(_ embedding: [Float], _ fingerprint: ImageFingerprint) {
    precondition(embedding.count == dimension)
    // A vector of zeros has no direction; the image can still be an exact copy.
    values += (try? embedding.normalized()) ?? embedding
    fingerprints.append(fingerprint)
    bounds.append(fingerprint)
  }

  /// The groups of copies, ordered by their first image; takes n² / 2 comparisons for n images.
  ///
  /// The groups do not depend on the number of threads.
  public func groups(threads: Int = HostInfo.allowedThreads) -> [Group] {
    let sets = Mutex(DisjointSets(count: count))
    func join(_ first: Int, _ second: Int) { sets.withLock { $0.join(first, second) } }
    var firstByKey: [SIMD2<UInt64>: Int] = [:]
    for (image, fingerprint) in fingerprints.enumerated() {
      let first = firstByKey[fingerprint.key] ?? image
      firstByKey[fingerprint.key] = first
      if first != image, fingerprint.isExactCopy(of: fingerprints[first]) { join(first, image) }
    }
    bounds.withBounds(reaching: Self.leastSimilarity) { mayReach in
      pairs.forEach(
        [
          bounds.criterion,
          RowPairs.Criterion(values, columns: dimension, above: Self.leastCosine),
        ], threads: threads
      ) { first, second in
        guard mayReach(first, second),
          !sets.withLock({ $0.root(of: first) == $0.root(of: second) }),
          isNearCopy(fingerprints[first], fingerprints[second])
        else { return }
        join(first, second)
      }
    }
    return groups(of: sets.withLock { $0 })
  }

  private func isNearCopy(_ first: ImageFingerprint, _ second: ImageFingerprint) -> Bool {
    let similarity = first.similarity(to: second)
    if similarity >= Self.leastSimilarity { return true }
    return similarity > ImageFingerprint.leastOfCrops
      && first.croppedSimilarity(to: second) >= Self.leastSimilarity
  }

  private func groups(of sets: DisjointSets) -> [Group] {
    var sets = sets
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
