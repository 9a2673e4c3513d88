import Kernels

/// The GEMM with operands quantized to 16 bits.
///
/// Without its instruction it would be slower than f32, so this file is not among the shared ones.
public func int16Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int16", elementsPerWord: 2, mr: mr, nr: nr,
    convert: quantizePanelTo16,
    run: { block in
      block.isPlain
        ? multiply(block, Int16Product<Native>.self, ScaleEpilogue.self)
        : multiplyActivated(
          block, Int16Product<Native>.self, IntegerSums.self,
          silu: (.approximateSiLU, ApproximateSiLU.self))
    })
}

@inline(never)
private func quantizePanelTo16(_ panel: Panel) {
  convert(panel, QuantizeRowTo16.self, Native.self)
}
