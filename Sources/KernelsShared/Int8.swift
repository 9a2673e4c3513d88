import Kernels

/// The GEMM in int8.
public func int8Kernel() -> GEMMKernel {
  GEMMKernel(
    elementType: "int8", elementsPerWord: 4, isEmulated: !hasInt8Instructions, mr: mr, nr: nr,
    convert: quantizePanel,
    run: { multiply($0, Int8Product<Native>.self, DequantizeEpilogue.self) })
}

@inline(never)
private func quantizePanel(_ panel: Panel) { convert(panel, QuantizeRow.self, Native.self) }
