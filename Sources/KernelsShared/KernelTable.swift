import Kernels

// These files are compiled once for each instruction set: every target `Kernels<ISA>` links to this
// folder and adds one file, which defines the widths of its vectors (`Native`) and register tiles.

/// The kernels of this instruction set.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: instructionSet, lanes: Native.count,
    gemm: GEMMKernel(mr: mr, nr: nr, run: gemm), epilogue: epilogue,
    scale: scale, sum: sum, depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput, registerLoop: registerLoop, streamLoop: streamLoop)
}
