import Operators

/// Compute backend for the convolutions.
public enum Backend: String, Hashable, Sendable, CaseIterable {
  /// `simd` where this processor has kernels of 8 or 16 lanes, else `blas`.
  case auto
  /// im2col panels and OpenBLAS's `cblas_sgemm`: correct everywhere.
  case blas
  /// This package's own kernels, compiled for each instruction set.
  case simd

  /// What `auto` stands for with the kernels of `instructionSet`.
  ///
  /// OpenBLAS picks among hand-written kernels for every processor, and is faster than our kernels of
  /// 4 lanes without fused multiply-add. From 8 lanes on ours win: they pack the weights once, and
  /// apply bias and activation before the only store.
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

  /// The backend in use on this machine, and what it computes with.
  ///
  /// Lower precision needs our kernels: `auto` then stands for `simd` everywhere.
  ///
  /// - Throws: `ProcessorError` if a forced instruction set is not there, `OpenBLASError` if the
  ///   backend needs OpenBLAS and it cannot be loaded, `InferenceError.precision` if the backend is
  ///   `blas` and the precision is not f32.
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
