import Kernels

/// The GEMM with operands quantized to 16 bits.
public func int16Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int16", elementsPerWord: 2, mr: mr, nr: nr,
    convert: quantizePanelTo16,
    run: { block in
      block.isPlain
        ? multiply(block, Int16Product<Native>.self, ScaleEpilogue.self)
        : multiplyActivated(
          block, Int16Product<Native>.self, ScaledSums.self,
          smooth: (.approximateSiLU, ApproximateSiLU.self))
    })
}

@inline(never)
private func quantizePanelTo16(_ panel: Panel) {
  convert(panel, QuantizeRowTo16.self, Native.self)
}
