import Kernels

/// The GEMM in bf16.
public func bf16Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "bf16", elementsPerWord: 2, isEmulated: !hasBF16Instructions, mr: mr, nr: nr,
    convert: roundPanel,
    run: hasBF16Instructions ? multiplyBF16 : emulateBF16)
}

private func multiplyBF16(_ block: GEMMBlock) {
  multiplyActivated(
    block, BF16Product<Native>.self, FloatSums.self,
    silu: (.approximateSiLU, ApproximateSiLU.self))
}

private func emulateBF16(_ block: GEMMBlock) {
  multiply(block, BF16Product<Native>.self, GeneralEpilogue<FloatSums>.self)
}

@inline(never)
private func roundPanel(_ panel: Panel) { convert(panel, RoundRow.self, Native.self) }

/// The product with the first matrix transposed in bf16.
public func bf16WeightGradientKernel() -> WeightGradientKernel {
  WeightGradientKernel(
    convert: pairRows, run: { accumulate($0, BF16Product<Native>.self) })
}

@inline(never)
private func pairRows(_ rows: PositionPairs) {
  forEachLongRun(of: rows.channels, Native.self, rows)
}
