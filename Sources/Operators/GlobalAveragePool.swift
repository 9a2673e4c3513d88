import Kernels

/// The mean of every channel over all positions.
package final class GlobalAveragePool: Operator {
  private let positions: Int
  private let step: Int
  private let kernels: KernelTable
  private let blocks: Int

  package init(positions: Int, channels: Int, kernels: KernelTable) {
    self.positions = positions
    step = channelStep(channels)
    self.kernels = kernels
    blocks = max(1, step / 256)
  }

  package var strategy: String { "pool" }

  package func taskCount(batch: Int) -> Int { batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / blocks
    let units = evenRange(task % blocks, of: blocks, total: step / 8)
    let first = units.lowerBound * 8
    kernels.sum(
      ChannelSum(
        rows: positions, channels: units.count * 8,
        x: memory.input + image * positions * step + first,
        xStride: step, factor: 1 / Float(positions), out: memory.output + image * step + first))
  }
}
