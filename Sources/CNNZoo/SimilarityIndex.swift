import Operators

/// Vectors of images, to be compared with that of another one.
public struct SimilarityIndex: Sendable {
  /// A vector's place in the index, and how alike it is.
  public struct Match: Sendable, Equatable {
    /// Which vector, counted from 0 in the order of `append`.
    public let index: Int
    /// The cosine of the angle between the vectors, −1…1; 1 for the same direction.
    public let cosine: Double
  }

  /// Values of a vector.
  public let dimension: Int
  /// Vectors in the index.
  public var count: Int { values.count / dimension }
  /// [count, dimension], each row of length 1.
  private var values: [Float] = []
  private let products: MatrixProducts

  /// An index without vectors.
  ///
  /// - Throws: `OpenBLASError` where OpenBLAS, which compares, cannot be loaded.
  public init(dimension: Int) throws(OpenBLASError) {
    precondition(dimension > 0)
    self.dimension = dimension
    products = try MatrixProducts()
  }

  /// Adds a vector of `dimension` finite values.
  ///
  /// - Throws: `EmbeddingError.zero` for a vector of zeros.
  public mutating func append(_ vector: [Float]) throws(EmbeddingError) {
    precondition(vector.count == dimension)
    values += try vector.normalized()
  }

  /// The `count` vectors most alike to `query`, best first; equal ones in the order of the index.
  ///
  /// - Throws: `EmbeddingError.zero` for a query of zeros.
  public func matches(of query: [Float], count: Int) throws(EmbeddingError) -> [Match] {
    precondition(query.count == dimension)
    let cosines = products.product(values, try query.normalized())
    let order = cosines.indices.sorted { (cosines[$1], $0) < (cosines[$0], $1) }
    // Rounding can take the cosine of a vector with itself beyond 1.
    return order.prefix(max(count, 0)).map {
      Match(index: $0, cosine: min(max(Double(cosines[$0]), -1), 1))
    }
  }
}
