import InstructionSets
import Operators

/// Compute backend for the convolutions.
public enum Backend: String, Hashable, Sendable, CaseIterable {
  /// `simd` if this processor supports kernels with 8 or 16 lanes, else `blas`.
  case auto
  /// im2col panels and OpenBLAS's `cblas_sgemm`: works on every processor.
  case blas
  /// This package's own kernels, compiled for each instruction set.
  case simd

  /// The backend that `auto` selects with the kernels of `instructionSet`.
  ///
  /// OpenBLAS has hand-written kernels for every processor, and is faster than our kernels with 4
  /// lanes and no fused multiply-add. With 8 lanes or more our kernels win: they pack the weights
  /// once, and apply bias and activation before the only store.
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

  /// The backend in use on this machine, with its compute target.
  ///
  /// Lower precision needs our kernels, so `auto` then always means `simd`.
  ///
  /// - Throws: `ProcessorError` if a forced instruction set is not supported, `OpenBLASError` if
  ///   the backend needs OpenBLAS and it cannot be loaded, `InferenceError.precision` if the backend
  ///   is `blas` and the precision is not f32.
  func target(_ precision: Precision) throws -> (backend: Backend, target: ComputeTarget) {
    let instructionSet = try InstructionSet.selected()
    if self == .blas && precision != .f32 { throw InferenceError.precision(precision) }
    let backend = precision == .f32 ? resolved(for: instructionSet) : .simd
    return (
      backend,
      ComputeTarget(
        gemm: backend == .blas ? .openBLAS(try OpenBLAS.loaded()) : .kernels,
        kernels: instructionSet.kernels, precision: precision)
    )
  }
}
