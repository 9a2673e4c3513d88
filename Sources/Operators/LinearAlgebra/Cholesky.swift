import CLinearAlgebra

/// The Cholesky factor of a symmetric positive definite matrix, computed by LAPACKE in Double.
package struct CholeskyFactor: Sendable {
  private let size: Int
  /// Columns of `size` values; only the lower triangle is used.
  private let factor: [Double]

  /// Factors a matrix of `size` columns, reading only the lower triangle.
  ///
  /// `nil` if the matrix is not positive definite or contains NaN.
  ///
  /// - Throws: `LAPACKEError` if the library cannot be loaded.
  package init?(of matrix: [Double], size: Int) throws(LAPACKEError) {
    precondition(matrix.count == size * size && size <= Int32.max)
    try Self.requireLibrary()
    var factor = matrix
    guard clapacke_factor(Int32(size), &factor) == 0 else { return nil }
    self.size = size
    self.factor = factor
  }

  /// Overwrites columns of `size` values with the solutions.
  package func solve(_ columns: inout [Double]) {
    precondition(columns.count.isMultiple(of: size) && columns.count / size <= Int32.max)
    let status = clapacke_solve(Int32(size), factor, Int32(columns.count / size), &columns)
    precondition(status <= 0, "a factor always has solutions")
  }

  /// Throws if LAPACKE cannot be loaded.
  package static func requireLibrary() throws(LAPACKEError) {
    if let reason = clapacke_load() { throw LAPACKEError(reason: String(cString: reason)) }
  }
}

/// LAPACKE cannot be loaded.
public struct LAPACKEError: Error, Equatable, Sendable {
  /// What is missing.
  public let reason: String
}

extension LAPACKEError: CustomStringConvertible {
  /// One line: why, and what to do.
  public var description: String {
    "LAPACKE cannot be loaded: \(reason); install it (Debian: liblapacke)"
  }
}
