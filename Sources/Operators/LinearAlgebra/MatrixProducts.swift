/// Products of whole matrices by OpenBLAS, for work that is done once rather than for each image.
///
/// Matrices are row-major. Products run on the calling thread.
package struct MatrixProducts: Sendable {
  private let blas: OpenBLAS

  /// - Throws: `OpenBLASError` if the library cannot be loaded.
  package init() throws(OpenBLASError) {
    blas = try OpenBLAS.loaded()
  }

  /// matrix[rows, columns] · vector, `rows` values.
  package func product(_ matrix: [Float], _ vector: [Float]) -> [Float] {
    let columns = vector.count
    precondition(columns > 0 && matrix.count.isMultiple(of: columns))
    let rows = matrix.count / columns
    return [Float](unsafeUninitializedCapacity: rows) { result, filled in
      if rows > 0, let base = result.baseAddress {
        blas.sgemv(rows: rows, columns: columns, matrix, vector, base)
      }
      filled = rows
    }
  }

  /// first[rows, depth] × second[depth, columns].
  package func product(
    _ first: [Double], _ second: [Double], rows: Int, depth: Int, columns: Int
  ) -> [Double] {
    precondition(first.count == rows * depth && second.count == depth * columns)
    var result = [Double](repeating: 0, count: rows * columns)
    blas.dgemm(m: rows, n: columns, k: depth, first, second, &result)
    return result
  }

  /// matrixᵀ · matrix for matrix[rows, columns]: the products of its columns with each other.
  ///
  /// Only the lower triangle of the result, by columns, is filled in.
  package func gram(_ matrix: [Double], columns: Int) -> [Double] {
    precondition(columns > 0 && matrix.count.isMultiple(of: columns))
    var result = [Double](repeating: 0, count: columns * columns)
    blas.dsyrk(size: columns, depth: matrix.count / columns, matrix, &result)
    return result
  }

  /// Calls `body` for every pair of different rows of `matrix` whose product exceeds `bound`.
  ///
  /// Works in blocks, so that it needs little memory compared with the matrix.
  package func forEachPair(
    ofRows matrix: [Float], columns: Int, above bound: Float,
    _ body: (_ first: Int, _ second: Int, _ product: Float) -> Void
  ) {
    precondition(columns > 0 && matrix.count.isMultiple(of: columns))
    let (rows, block, chunk) = (matrix.count / columns, 256, 1024)
    var transposed = [Float](repeating: 0, count: columns * block)
    var products = [Float](repeating: 0, count: chunk * block)
    for start in stride(from: 0, to: rows, by: block) {
      let width = min(block, rows - start)
      for row in 0..<width {
        for column in 0..<columns {
          transposed[column * width + row] = matrix[(start + row) * columns + column]
        }
      }
      for other in stride(from: start, to: rows, by: chunk) {
        let height = min(chunk, rows - other)
        matrix.withUnsafeBufferPointer { matrix in
          products.withUnsafeMutableBufferPointer { products in
            guard let values = matrix.baseAddress, let result = products.baseAddress else { return }
            blas.sgemm(
              m: height, n: width, k: columns, values + other * columns, lda: columns, transposed,
              result, ldc: width)
            for row in 0..<height {
              for column in 0..<min(width, other + row - start)
              where result[row * width + column] > bound {
                body(start + column, other + row, result[row * width + column])
              }
            }
          }
        }
      }
    }
  }
}
