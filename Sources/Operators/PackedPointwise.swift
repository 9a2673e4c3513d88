import Host
import Kernels

/// A 1×1 convolution by the packed product of this package: weights packed once, bias, activation
/// and residual applied as a tile is stored.
///
/// The feature map is the product's left-hand side as it lies. Every output is one chain of multiply-adds in the order of the depth, whatever the
/// tasks, so that neither threads nor batches change a bit.
package final class PackedPointwise: Operator {
  private let geometry: ConvolutionGeometry
  private let panel: ConvolutionPanel
  private let matrix: PackedMatrix
  /// Tasks per image: panels of positions × groups of column blocks.
  private let panels: Int
  private let groups: Int

  /// Packs `filter`.
  ///
  /// - Parameter gatesInput: whether the input is multiplied by `OperatorMemory.gate`.
  package init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool,
    kernels: KernelTable
  ) throws(OutOfMemory) {
    precondition(geometry.isPointwise)
    self.geometry = geometry
    panel = ConvolutionPanel(geometry, gatesInput: gatesInput, kernels: kernels)
    matrix = try PackedMatrix(
      filter, inputChannels: geometry.inputChannels, kernels: kernels)
    // A panel of 256 KiB stays in a second-level cache while the column blocks pass over it; a
    // multiple of 8 rows fills its tiles.
    let rows = max(8, min(1024, 65_536 / geometry.depth) & ~7)
    let count = (geometry.outputPositions + rows - 1) / rows
    panels = min(max(count, 1), max(1, geometry.outputPositions / 8))
    // Few panels: the column blocks are dealt out too. A gathered or gated panel is made anew for
    // each group, so that it must be cheap beside the product.
    let wanted = panels >= 6 ? 1 : (panel.isInPlace ? 8 : 2)
    groups = min(matrix.blockCount, max(1, wanted / panels))
  }

  package var strategy: String { "packed" }

  package var packedBytes: Int { matrix.packedBytes }

  package var scratchCount: Int {
    panel.scratchCount(rows: (geometry.outputPositions + panels - 1) / panels)
  }

  package func taskCount(batch: Int) -> Int { batch * panels * groups }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (panels * groups)
    let rows = evenRange(task / groups % panels, of: panels, total: geometry.outputPositions)
    let blocks = evenRange(task % groups, of: groups, total: matrix.blockCount)
    let start = image * geometry.outputCount + rows.lowerBound * geometry.outputStep
    let (a, stride) = panel.make(rows, image: image, memory)
    matrix.multiply(
      rows: rows.count, a, stride: stride, blocks: blocks, into: memory.output + start,
      stride: geometry.outputStep, residual: memory.residual.map { $0 + start })
  }
}
