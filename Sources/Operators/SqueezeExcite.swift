import Kernels

/// Squeeze-excite's two small layers: partial sums of a feature map in, a gate per channel out.
package final class SqueezeExcite: Operator {
  private let channels: Int
  private let partialSums: Int
  private let positions: Int
  private let reduce: PackedMatrix
  private let restore: PackedMatrix
  private let kernels: KernelTable

  /// Packs the two layers.
  ///
  /// - Parameters:
  ///   - partialSums: vectors of sums per image.
  ///   - positions: what they are divided by.
  package init(
    channels: Int, squeezed: Int, partialSums: Int, positions: Int,
    reduce: ConvolutionFilter, restore: ConvolutionFilter, kernels: KernelTable
  ) throws(OutOfMemory) {
    self.channels = channels
    self.partialSums = partialSums
    self.positions = positions
    self.kernels = kernels
    self.reduce = try PackedMatrix(reduce, inputChannels: channels, kernels: kernels)
    self.restore = try PackedMatrix(restore, inputChannels: squeezed, kernels: kernels)
  }

  package var strategy: String { "squeeze-excite" }

  package var packedBytes: Int { reduce.packedBytes + restore.packedBytes }

  package var scratchCount: Int { channelStep(channels) + channelStep(reduce.columns) }

  package func taskCount(batch: Int) -> Int { batch }

  package func run(task image: Int, batch: Int, _ memory: OperatorMemory) {
    let step = channelStep(channels)
    let mean = memory.scratch
    let squeezed = memory.scratch + step
    kernels.sum(
      ChannelSum(
        rows: partialSums, channels: step, x: memory.input + image * partialSums * step,
        xStride: step, factor: 1 / Float(positions), out: mean))
    reduce.multiply(
      rows: 1, mean, stride: step, blocks: 0..<reduce.blockCount, into: squeezed, stride: 0,
      residual: nil)
    restore.multiply(
      rows: 1, squeezed, stride: 0, blocks: 0..<restore.blockCount,
      into: memory.output + image * step, stride: step, residual: nil)
  }
}
