import Kernels

// These files are compiled once for each instruction set: every target `Kernels<ISA>` links to this
// folder and adds one file of its own, which says how wide its vectors (`Native`) and its register
// tiles are.

/// The kernels of this instruction set.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: instructionSet, lanes: Native.count,
    gemm: GEMMKernel(mr: mr, nr: nr, run: gemm), epilogue: epilogue,
    scale: scale, sum: sum, depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput, registerLoop: registerLoop, streamLoop: streamLoop)
}
