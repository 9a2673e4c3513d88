import Kernels

/// The GEMM in f32; converting a panel applies its gate.
func f32Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "f32", elementsPerWord: 1, mr: mr, nr: nr, convert: copyPanel,
    run: multiplyF32)
}

private func multiplyF32(_ block: GEMMBlock) {
  if block.isPlain {
    multiply(block, F32Product<Native>.self, NoEpilogue.self)
  } else {
    multiplyActivated(block, F32Product<Native>.self, FloatSums.self, silu: (.silu, SiLU.self))
  }
}

@inline(never)
private func copyPanel(_ panel: Panel) { convert(panel, CopyRow.self, Native.self) }
