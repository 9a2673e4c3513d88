import Operators

/// An index of image vectors to compare other vectors with.
public struct SimilarityIndex: Sendable {
  /// The position of a vector in the index, and its similarity.
  public struct Match: Sendable, Equatable {
    /// The index of the vector, from 0 in the order of `append`.
    public let index: Int
    /// The cosine of the angle between the vectors, −1…1; 1 for the same direction.
    public let cosine: Double
  }

  /// Values per vector.
  public let dimension: Int
  /// Vectors in the index.
  public var count: Int { values.count / dimension }
  /// [count, dimension], each row of length 1.
  private var values: [Float] = []
  private let products: MatrixProducts

  /// Creates an empty index.
  ///
  /// - Throws: `OpenBLASError` if OpenBLAS, which compares the vectors, cannot be loaded.
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

  /// The `count` vectors most similar to `query`, best first; ties are in index order.
  ///
  /// - Throws: `EmbeddingError.zero` for a query of zeros.
  public func matches(of query: [Float], count: Int) throws(EmbeddingError) -> [Match] {
    precondition(query.count == dimension)
    let cosines = products.product(values, try query.normalized())
    let order = cosines.indices.sorted { (cosines[$1], $0) < (cosines[$0], $1) }
    // Because of rounding, the cosine of a vector with itself can exceed 1.
    return order.prefix(max(count, 0)).map {
      Match(index: $0, cosine: min(max(Double(cosines[$0]), -1), 1))
    }
  }
}
