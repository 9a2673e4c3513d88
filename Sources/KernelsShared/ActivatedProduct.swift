import Kernels

/// The product of a block with its epilogue: in registers where the nonlinearity is a frequent one and
/// no residual follows.
///
/// - Parameter silu: the one of this precision.
@inline(__always)
func multiplyActivated<P: DotProduct, S: SumConversion, F: NonlinearityFunction>(
  _ block: GEMMBlock, _: P.Type, _: S.Type, silu: (Nonlinearity, F.Type)
) {
  guard block.residual == nil else { return multiply(block, P.self, GeneralEpilogue<S>.self) }
  switch block.nonlinearity {
  case .identity, .relu, .relu6: multiply(block, P.self, ActivationEpilogue<S, Bounds>.self)
  case .hardSwish: multiply(block, P.self, ActivationEpilogue<S, Applied<HardSwish>>.self)
  case silu.0: multiply(block, P.self, ActivationEpilogue<S, Applied<F>>.self)
  default: multiply(block, P.self, GeneralEpilogue<S>.self)
  }
}
