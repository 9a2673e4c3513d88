import Kernels

/// Sums over positions of the products of two maps' channels: C[row, column] += Σ a[row] · b[column].
///
/// It goes panel by panel, so that a block of columns stays in the L1 cache.
struct ProductSums: Sendable {
  /// Of the operands; sums are f32.
  let precision: Precision
  private let rows: Int
  private let rowStride: Int
  private let columns: Int
  private let blocks: ColumnBlocks
  private let kernels: TrainingKernels

  /// - Parameters:
  ///   - rows: Channels of the first map, of which a position takes `channelStride(rows)` floats.
  ///   - columns: Floats of a position of the second, a multiple of 8.
  init(rows: Int, columns: Int, on target: ComputeTarget) {
    (self.rows, self.columns, rowStride) = (rows, columns, channelStride(rows))
    precision =
      target.precision == .bf16 && BF16WeightGradient.pays(inputs: rowStride, outputs: columns)
      ? .bf16 : .f32
    blocks = ColumnBlocks(columns, widest: target.kernels.gemm.nr, lanes: target.kernels.lanes)
    kernels = target.kernels.training
  }

  private var panelRows: Int { precision == .f32 ? 128 : 256 }

  /// Floats of scratch memory: a word holds a channel's values at two positions.
  var scratchCount: Int { precision == .f32 ? 0 : panelRows / 2 * (rowStride + columns) }

  /// Adds the products at some positions.
  func add(
    positions: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    to sums: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    let panels = (positions + panelRows - 1) / panelRows
    for panel in 0..<panels {
      let part = evenRange(panel, of: panels, total: positions)
      let (a, b) = (a + part.lowerBound * rowStride, b + part.lowerBound * columns)
      if precision == .f32 {
        multiply(part.count, a, b, kernels.weightGradient, to: sums)
      } else {
        let (first, second) = (scratch, scratch + panelRows / 2 * rowStride)
        round(part.count, a, channels: rowStride, into: first)
        round(part.count, b, channels: columns, into: second)
        multiply(
          (part.count + 1) / 2, first, second, kernels.bf16WeightGradient.run, to: sums)
      }
    }
  }

  private func round(
    _ positions: Int, _ map: UnsafePointer<Float>, channels: Int,
    into words: UnsafeMutablePointer<Float>
  ) {
    kernels.bf16WeightGradient.convert(
      PositionPairs(
        rows: positions, channels: channels, x: map, xStride: channels, out: words,
        outStride: channels))
  }

  private func multiply(
    _ m: Int, _ a: UnsafePointer<Float>, _ b: UnsafePointer<Float>,
    _ kernel: (WeightGradientBlock) -> Void, to sums: UnsafeMutablePointer<Float>
  ) {
    for index in 0..<blocks.count {
      let block = blocks[index]
      kernel(
        WeightGradientBlock(
          m: m, k: rows, n: block.count, a: a, lda: rowStride, b: b + block.lowerBound,
          ldb: columns, c: sums + block.lowerBound, ldc: columns, accumulates: true))
    }
  }
}
