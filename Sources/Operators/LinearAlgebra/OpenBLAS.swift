import CLinearAlgebra
import Glibc
import InstructionSets

/// OpenBLAS's functions, from the installed library.
///
/// It is loaded on first use and restricted to the calling thread: with its own threads, the last
/// bits of a result would depend on their number. This is set once per process, because setting it
/// disturbs running products.
package struct OpenBLAS: Sendable {
  private let functions: openblas_functions

  private init() throws(OpenBLASError) {
    var functions = openblas_functions()
    if let reason = openblas_load(&functions) {
      defer { free(reason) }
      throw OpenBLASError(reason: String(cString: reason))
    }
    functions.set_num_threads(1)
    self.functions = functions
  }

  private static let library = Result { () throws(OpenBLASError) in try OpenBLAS() }

  /// The loaded library.
  package static func loaded() throws(OpenBLASError) -> OpenBLAS { try library.get() }

  /// The kernels that it selected, such as `SkylakeX`.
  var core: String { functions.get_corename().map { String(cString: $0) } ?? "unknown" }

  /// C[m, n] = A[m, k] × B[k, n], row-major, on the calling thread.
  func sgemm(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Float>, lda: Int, _ b: UnsafePointer<Float>,
    _ c: UnsafeMutablePointer<Float>, ldc: Int
  ) {
    functions.sgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(m), blasint(n), blasint(k), 1, a,
      blasint(lda), b, blasint(n), 0, c, blasint(ldc))
  }

  /// y[rows] = A[rows, columns] · x, row-major, on the calling thread.
  func sgemv(
    rows: Int, columns: Int, _ a: UnsafePointer<Float>, _ x: UnsafePointer<Float>,
    _ y: UnsafeMutablePointer<Float>
  ) {
    functions.sgemv(
      CblasRowMajor, CblasNoTrans, blasint(rows), blasint(columns), 1, a, blasint(columns), x, 1, 0,
      y, 1)
  }

  /// C[m, n] = A[m, k] × B[k, n], row-major, on the calling thread.
  func dgemm(
    m: Int, n: Int, k: Int, _ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>,
    _ c: UnsafeMutablePointer<Double>
  ) {
    functions.dgemm(
      CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(m), blasint(n), blasint(k), 1, a,
      blasint(k), b, blasint(n), 0, c, blasint(n))
  }

  /// The lower triangle, by columns, of C[size, size] = Aᵀ × A for a row-major A[depth, size].
  func dsyrk(
    size: Int, depth: Int, _ a: UnsafePointer<Double>, _ c: UnsafeMutablePointer<Double>
  ) {
    // Row-major A is Aᵀ by columns.
    functions.dsyrk(
      CblasColMajor, CblasLower, CblasNoTrans, blasint(size), blasint(depth), 1, a, blasint(size),
      0, c, blasint(size))
  }
}

/// OpenBLAS cannot be loaded.
public struct OpenBLASError: Error, Equatable, Sendable {
  /// The system's message.
  public let reason: String
}

extension OpenBLASError: CustomStringConvertible {
  /// One line: why, and what to do.
  public var description: String {
    "OpenBLAS cannot be loaded: \(reason); install it (Debian: libopenblas0);"
      + " the simd backend runs networks without it"
  }
}

/// Information about OpenBLAS's choice of kernels.
package enum OpenBLASInfo {
  /// The kernels that OpenBLAS selected, such as `SkylakeX`; nil if it cannot be loaded.
  package static var core: String? { try? OpenBLAS.loaded().core }

  /// The value of `OPENBLAS_CORETYPE`, which overrides OpenBLAS's own choice of kernels.
  package static var pin: String? {
    guard let value = getenv("OPENBLAS_CORETYPE").map({ String(cString: $0) }), !value.isEmpty
    else { return nil }
    return value
  }

  /// A warning for the user if OpenBLAS is pinned to narrower kernels than the processor supports.
  ///
  /// On some processors this halves its speed.
  package static var pinWarning: String? {
    let wide = ["SkylakeX", "Cooperlake", "SapphireRapids"]
    guard let pin = pin, InstructionSet.avx512.isSupported, let core = core,
      !wide.contains(core)
    else { return nil }
    return "OPENBLAS_CORETYPE=\(pin) pins OpenBLAS to its \(core) kernels, although this"
      + " processor has AVX-512; unset it for full speed with the blas backend"
  }
}
