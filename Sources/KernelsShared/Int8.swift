import Kernels

/// The GEMM in int8.
public func int8Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int8", elementsPerWord: 4, isEmulated: !hasInt8Instructions, mr: mr, nr: nr,
    convert: quantizePanel,
    run: hasInt8Instructions ? multiplyInt8 : emulateInt8)
}

private func multiplyInt8(_ block: GEMMBlock) {
  multiplyActivated(
    block, Int8Product<Native>.self, IntegerSums.self,
    silu: (.approximateSiLU, ApproximateSiLU.self))
}

private func emulateInt8(_ block: GEMMBlock) {
  multiply(block, Int8Product<Native>.self, GeneralEpilogue<IntegerSums>.self)
}

@inline(never)
private func quantizePanel(_ panel: Panel) { convert(panel, QuantizeRowTo8.self, Native.self) }
