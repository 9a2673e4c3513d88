import Kernels

// These files are compiled once for each instruction set: every target `Kernels<ISA>` links to this
// folder and adds one file of its own, which says how wide its vectors (`Native`) and its register
// tiles are.

/// The kernels of this instruction set.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: instructionSet, lanes: Native.count,
    gemm: f32Kernel(), bf16: bf16Kernel(), int8: int8Kernel(), epilogue: epilogue, sum: sum,
    depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput, registerLoop: registerLoop, streamLoop: streamLoop)
}
