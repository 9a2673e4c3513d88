import Kernels

/// A convolution by the packed product of this package: weights packed once, bias, activation and
/// residual applied as a tile is stored.
///
/// A 1×1 convolution reads the feature map in place; any other gathers panels of output positions
/// by im2col. Every output is one chain of multiply-adds in the order of the depth, whatever the
/// tasks, so that neither threads nor batches change a bit.
package final class PackedConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let im2col: Im2col
  private let kernels: KernelTable
  private let matrix: PackedMatrix
  private let gatesInput: Bool
  /// Tasks per image: panels of positions × groups of column blocks.
  private let panels: Int
  private let groups: Int

  /// Packs `filter`.
  ///
  /// - Parameter gatesInput: whether the input is multiplied by `OperatorMemory.gate`; pointwise
  ///   convolutions only.
  package init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool,
    kernels: KernelTable
  ) {
    precondition(!gatesInput || geometry.isPointwise)
    self.geometry = geometry
    self.kernels = kernels
    self.gatesInput = gatesInput
    im2col = Im2col(geometry: geometry)
    matrix = PackedMatrix(
      filter, inputChannels: geometry.inputChannels, kernel: geometry.kernel, kernels: kernels)
    // A panel of 256 KiB stays in a second-level cache while the column blocks pass over it; a
    // multiple of 8 rows fills its tiles.
    let rows = max(8, min(1024, 65_536 / geometry.depth) & ~7)
    let readsInPlace = geometry.isPointwise && !gatesInput
    let count = (geometry.outputPositions + rows - 1) / rows
    panels = min(max(count, 1), max(1, geometry.outputPositions / 8))
    // Few panels: the column blocks are dealt out too. A gathered or gated panel is made anew for
    // each group, so that it must be cheap beside the product.
    let wanted = panels >= 6 ? 1 : (readsInPlace ? 8 : 2)
    groups = min(matrix.blockCount, max(1, wanted / panels))
  }

  package var strategy: String { geometry.isPointwise ? "packed" : "im2col + packed" }

  package var packedBytes: Int { matrix.packedBytes }

  package var scratchCount: Int {
    guard !geometry.isPointwise || gatesInput else { return 0 }
    let rows = (geometry.outputPositions + panels - 1) / panels
    return rows * (gatesInput ? geometry.inputStep : geometry.depth)
  }

  package func taskCount(batch: Int) -> Int { batch * panels * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (panels * groups)
    let rows = evenRange(task / groups % panels, of: panels, total: geometry.outputPositions)
    let blocks = evenRange(task % groups, of: groups, total: matrix.blockCount)
    let input = memory.input + image * geometry.inputCount
    let start = image * geometry.outputCount + rows.lowerBound * geometry.outputStep
    let panel: UnsafePointer<Float>
    let panelStep: Int
    if let gate = memory.gate, gatesInput {
      kernels.scale(
        ChannelScale(
          rows: rows.count, channels: geometry.inputStep,
          x: input + rows.lowerBound * geometry.inputStep, xStride: geometry.inputStep,
          gate: gate + image * geometry.inputStep, out: memory.scratch,
          outStride: geometry.inputStep))
      (panel, panelStep) = (UnsafePointer(memory.scratch), geometry.inputStep)
    } else if geometry.isPointwise {
      (panel, panelStep) = (input + rows.lowerBound * geometry.inputStep, geometry.inputStep)
    } else {
      im2col.gather(rows, of: input, into: memory.scratch)
      (panel, panelStep) = (UnsafePointer(memory.scratch), geometry.depth)
    }
    matrix.multiply(
      rows: rows.count, panel, stride: panelStep, blocks: blocks, into: memory.output + start,
      stride: geometry.outputStep, residual: memory.residual.map { $0 + start })
  }
}
