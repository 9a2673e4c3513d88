import Kernels

// These files are compiled once for each instruction set: every target `Kernels<ISA>` links to this
// folder and adds one file, which defines the widths of its vectors (`Native`) and register tiles.

/// The kernels of this instruction set.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: instructionSet, lanes: Native.count,
    gemm: f32Kernel(), bf16: bf16Kernel(), int8: int8Kernel(), epilogue: epilogue, sum: sum,
    depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput, resampling: resamplingKernel(), training: trainingKernels(),
    registerLoop: registerLoop,
    streamLoop: streamLoop)
}
