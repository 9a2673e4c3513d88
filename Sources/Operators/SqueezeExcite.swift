import Kernels

/// The mean of every channel over all positions.
package struct GlobalAveragePool: Operator {
  private let positions: Int
  private let stride: Int
  private let kernels: KernelTable
  private let blocks: Int

  package init(positions: Int, channels: Int, kernels: KernelTable) {
    self.positions = positions
    stride = channelStride(channels)
    self.kernels = kernels
    blocks = max(1, stride / 256)
  }

  package func taskCount(batch: Int) -> Int { batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / blocks
    let units = evenRange(task % blocks, of: blocks, total: stride / 8)
    let first = units.lowerBound * 8
    kernels.sum(
      ChannelSum(
        rows: positions, channels: units.count * 8,
        x: memory.input + image * positions * stride + first,
        xStride: stride, factor: 1 / Float(positions), out: memory.output + image * stride + first))
  }
}

/// Squeeze-excite's first half (arXiv 1709.01507): the mean of a feature map from partial sums, and
/// the reducing layer.
///
/// The second layer is an ordinary 1×1 convolution of one position.
package struct Squeeze: Operator {
  private let channels: Int
  /// Vectors of sums for each image.
  private let sums: Int
  /// The divisor of the sums.
  private let positions: Int
  private let gemm: GEMM
  private let kernels: KernelTable
  /// Tasks for each image: groups of column blocks.
  private let groups: Int

  /// - Parameters:
  ///   - reduce: the layer from the mean to fewer channels.
  ///   - sums: vectors of partial sums that the previous step writes for each image.
  ///   - positions: positions of the feature map.
  package init(_ reduce: ConvolutionLayer, sums: Int, positions: Int, kernels: KernelTable) {
    channels = reduce.geometry.inputChannels
    self.sums = sums
    self.positions = positions
    self.kernels = kernels
    gemm = GEMM(reduce, on: ComputeTarget(gemm: .kernels, kernels: kernels))
    // Every group adds up the sums again, which is negligible compared with about 16 K weights.
    groups = min(gemm.blocks.count, max(1, gemm.k * gemm.n / 16_384))
  }

  package var packedCount: Int { gemm.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    gemm.pack(filter, into: packed)
  }

  package var scratchCount: Int { channelStride(channels) }

  package func taskCount(batch: Int) -> Int { batch * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / groups
    let stride = channelStride(channels)
    kernels.sum(
      ChannelSum(
        rows: sums, channels: stride, x: memory.input + image * sums * stride, xStride: stride,
        factor: 1 / Float(positions), out: memory.scratch))
    gemm.multiply(
      m: 1, GEMMRows(a: memory.scratch, lda: stride),
      blocks: evenRange(task % groups, of: groups, total: gemm.blocks.count),
      packed: memory.packed, into: memory.output + image * channelStride(gemm.n), ldc: 0)
  }
}
