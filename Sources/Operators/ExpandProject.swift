import Host
import Kernels

/// A fused inverted bottleneck in one step: 3×3 expansion by Winograd's method, then 1×1
/// projection (EfficientNetV2, arXiv 2104.00298, figure 2).
///
/// The expanded map is the widest of the block, and nothing else reads it. It is computed a chunk
/// at a time, into scratch memory that stays in the second-level cache, and the projection reads it
/// there: it never reaches main memory.
package final class ExpandProject: Operator {
  private let panel: WinogradPanel
  private let geometry: ConvolutionGeometry
  private let matrix: PackedMatrix

  /// Packs both filters; `geometry` is the projection's.
  package init(
    expansion: ConvolutionGeometry, _ expand: ConvolutionFilter,
    projection geometry: ConvolutionGeometry, _ project: ConvolutionFilter,
    form: WinogradVariant, kernels: KernelTable
  ) throws(OutOfMemory) {
    precondition(geometry.isPointwise && expansion.outputCount == geometry.inputCount)
    self.geometry = geometry
    panel = try WinogradPanel(
      expansion, expand, form: form,
      extraFloatsPerTile: form.outputs * form.outputs * geometry.inputStep, kernels: kernels)
    matrix = try PackedMatrix(
      project, inputChannels: geometry.inputChannels, kernels: kernels)
  }

  package var strategy: String { panel.strategy + " + project" }

  package var packedBytes: Int { panel.packedBytes + matrix.packedBytes }

  package var ownMultiplications: Int? {
    panel.multiplications + geometry.outputPositions * matrix.depth * matrix.columns
  }

  package var scratchCount: Int {
    panel.scratchCount + panel.largestCount * geometry.inputStep
  }

  package func taskCount(batch: Int) -> Int { batch * panel.grid.chunkCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / panel.grid.chunkCount
    let chunk = panel.grid.chunk(task % panel.grid.chunkCount)
    let (rows, columns) = panel.positions(of: chunk)
    let step = geometry.inputStep
    let expanded = memory.scratch + panel.scratchCount
    panel.run(
      chunk, of: memory.input + image * panel.geometry.inputCount, into: expanded,
      rowStride: columns.count * step, residual: nil, scratch: memory.scratch)
    let start = image * geometry.outputCount
    for (index, row) in rows.enumerated() {
      let place =
        start + (row * geometry.outputWidth + columns.lowerBound) * geometry.outputStep
      matrix.multiply(
        rows: columns.count, expanded + index * columns.count * step, stride: step,
        blocks: 0..<matrix.blockCount, into: memory.output + place, stride: geometry.outputStep,
        residual: memory.residual.map { $0 + place })
    }
  }
}
