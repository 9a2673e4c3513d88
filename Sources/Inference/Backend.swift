/// Who computes the convolutions.
public enum Backend: String, Hashable, Sendable, CaseIterable {
  /// im2col panels and OpenBLAS's `cblas_sgemm`: correct everywhere.
  case blas
  /// This package's own kernels, compiled for each instruction set.
  case simd
}
