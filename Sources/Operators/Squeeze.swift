import Host
import Kernels

/// Squeeze-excite's first half: partial sums of a feature map in, their mean, and the reducing layer
/// on it.
///
/// The restoring layer is an ordinary 1×1 convolution of one position.
package final class Squeeze: Operator {
  private let channels: Int
  private let partialSums: Int
  private let positions: Int
  private let matrix: PackedMatrix
  private let kernels: KernelTable
  /// Tasks per image: groups of column blocks.
  private let groups: Int

  /// Packs `reduce`.
  ///
  /// - Parameters:
  ///   - partialSums: vectors of sums per image.
  ///   - positions: what they are divided by.
  package init(
    channels: Int, partialSums: Int, positions: Int, reduce: ConvolutionFilter,
    kernels: KernelTable
  ) throws(OutOfMemory) {
    self.channels = channels
    self.partialSums = partialSums
    self.positions = positions
    self.kernels = kernels
    matrix = try PackedMatrix(reduce, inputChannels: channels, kernels: kernels)
    // Every group adds the sums up anew: it takes some 16 K weights to make that small.
    groups = min(matrix.blockCount, max(1, matrix.depth * matrix.columns / 16_384))
  }

  package var strategy: String { "squeeze" }

  package var packedBytes: Int { matrix.packedBytes }

  package var scratchCount: Int { channelStep(channels) }

  package func taskCount(batch: Int) -> Int { batch * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / groups
    let step = channelStep(channels)
    kernels.sum(
      ChannelSum(
        rows: partialSums, channels: step, x: memory.input + image * partialSums * step,
        xStride: step, factor: 1 / Float(positions), out: memory.scratch))
    matrix.multiply(
      rows: 1, memory.scratch, stride: step,
      blocks: evenRange(task % groups, of: groups, total: matrix.blockCount),
      into: memory.output + image * channelStep(matrix.columns), stride: 0, residual: nil)
  }
}
