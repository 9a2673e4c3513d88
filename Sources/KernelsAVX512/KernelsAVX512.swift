import Kernels

/// The kernels for x86-64-v4, in vectors of 16.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: "avx512", maximumColumns: 48, multiply: multiply, multiplyPlain: multiplyPlain,
    finish: finish, scale: scale, sum: sum, depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput,
    lanes: Lanes16.count, registerLoop: registerLoop, streamLoop: streamLoop)
}
