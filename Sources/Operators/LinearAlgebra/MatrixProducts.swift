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
}
