import Host
import Kernels

/// The right-hand side of a product C = A × B + bias, packed for the register tiles of one
/// instruction set.
///
/// Columns are cut into blocks of equal width as far as multiples of 8 allow, so that no block is
/// left narrow; a block of width w that begins at column c is `depth` × w floats at `depth` · c.
package final class PackedMatrix: Sendable {
  package let depth: Int
  package let columns: Int
  /// Floats of a row of A for one row of the kernel.
  private let segment: Int
  /// First columns of the blocks, and the end.
  package let bounds: [Int]
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable

  /// Packs `filter`, whose kernel has `kernel` × `kernel` positions of `inputChannels` values,
  /// `inputStep` floats apart in the feature map.
  init(
    _ filter: ConvolutionFilter, inputChannels: Int, inputStep: Int? = nil, kernel: Int = 1,
    kernels: KernelTable
  ) throws(OutOfMemory) {
    let inputStep = inputStep ?? inputChannels
    segment = inputStep * kernel
    depth = segment * kernel
    columns = filter.scale.count
    self.kernels = kernels
    let units = channelStep(columns) / 8
    let blocks = (units * 8 + kernels.gemm.nr - 1) / kernels.gemm.nr
    bounds = (0...blocks).map { evenRange($0, of: blocks, total: units).lowerBound * 8 }
    weights = try AlignedBuffer(count: depth * channelStep(columns))
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
    for block in 0..<blocks {
      filter.pack(
        bounds[block]..<min(bounds[block + 1], columns), inputChannels: inputChannels,
        inputStep: inputStep, kernel: kernel, into: weights.base + depth * bounds[block],
        width: bounds[block + 1] - bounds[block])
    }
  }

  /// Blocks of columns.
  package var blockCount: Int { bounds.count - 1 }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  /// Columns of the widest block.
  var widestBlock: Int { zip(bounds, bounds.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// Some rows and blocks of the product.
  ///
  /// - Parameters:
  ///   - c: the first row, at column 0; `residual` likewise.
  package func multiply(
    rows: Int, _ a: UnsafePointer<Float>, stride: Int, blocks: Range<Int>,
    into c: UnsafeMutablePointer<Float>, stride cStride: Int,
    residual: UnsafePointer<Float>?
  ) {
    for block in blocks {
      let first = bounds[block]
      multiply(
        block: block, rows: rows, a, stride: stride, into: c + first, stride: cStride,
        residual: residual.map { $0 + first })
    }
  }

  /// Some rows of one block; `c` and `residual` are at the block's first column.
  func multiply(
    block: Int, rows: Int, _ a: UnsafePointer<Float>, stride: Int,
    into c: UnsafeMutablePointer<Float>, stride cStride: Int, residual: UnsafePointer<Float>?
  ) {
    let first = bounds[block]
    kernels.gemm.run(
      GEMMBlock(
        m: rows, n: bounds[block + 1] - first, k: depth, a: a, lda: stride,
        b: weights.base + depth * first, c: c, ldc: cStride, bias: bias.base + first,
        residual: residual, ldResidual: cStride, nonlinearity: nonlinearity))
  }

  /// Rows of one block, read where they lie in a feature map, and without those rows of the kernel
  /// that hang over its edge; `c` and `residual` are at the block's first column.
  ///
  /// - Parameters:
  ///   - a: what lies under the first of `kernelRows` for the first row.
  ///   - kernelStride: floats between the kernel's rows in the feature map.
  func multiply(
    block: Int, rows: Int, _ a: UnsafePointer<Float>, stride: Int, kernelRows: Range<Int>,
    kernelStride: Int, into c: UnsafeMutablePointer<Float>, stride cStride: Int,
    residual: UnsafePointer<Float>?
  ) {
    let first = bounds[block]
    let width = bounds[block + 1] - first
    kernels.gemm.run(
      GEMMBlock(
        m: rows, n: width, k: segment, segments: kernelRows.count, segmentStride: kernelStride,
        a: a, lda: stride,
        b: weights.base + depth * first + kernelRows.lowerBound * segment * width,
        c: c, ldc: cStride, bias: bias.base + first, residual: residual, ldResidual: cStride,
        nonlinearity: nonlinearity))
  }
}
