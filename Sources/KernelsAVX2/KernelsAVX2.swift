import Kernels

/// The kernels for x86-64-v3, in vectors of 8.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: "avx2", maximumColumns: 16, multiply: multiply, multiplyPlain: multiplyPlain,
    finish: finish, scale: scale, sum: sum, depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput,
    lanes: Lanes8.count, registerLoop: registerLoop, streamLoop: streamLoop)
}
