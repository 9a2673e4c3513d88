import Kernels

/// The kernels that every processor of this architecture runs, in vectors of 4.
public func kernelTable() -> KernelTable {
  KernelTable(
    name: "baseline", maximumColumns: 8, multiply: multiply, multiplyPlain: multiplyPlain,
    finish: finish, scale: scale, sum: sum, depthwise: depthwise, winogradInput: winogradInput,
    winogradOutput: winogradOutput,
    lanes: Lanes4.count, registerLoop: registerLoop, streamLoop: streamLoop)
}
