import Operators

/// Who computes the convolutions.
public enum Backend: String, Hashable, Sendable, CaseIterable {
  /// `simd` where this processor has kernels of 8 or 16 lanes, else `blas`.
  case auto
  /// im2col panels and OpenBLAS's `cblas_sgemm`: correct everywhere.
  case blas
  /// This package's own kernels, compiled for each instruction set.
  case simd

  /// What `auto` stands for with the kernels of `instructionSet`.
  ///
  /// OpenBLAS chooses among hand-written kernels for every processor; ours of 4 lanes, without fused
  /// multiply-add, are slower than those. From 8 lanes on ours are faster: they pack the weights once
  /// and apply bias and activation before the only store.
  func resolved(for instructionSet: InstructionSet) -> Backend {
    switch self {
    case .blas, .simd: self
    case .auto:
      switch instructionSet {
      case .avx512, .avx2: .simd
      case .baseline: .blas
      }
    }
  }
}
