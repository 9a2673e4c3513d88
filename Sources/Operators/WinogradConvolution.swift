import Host
import Kernels

/// A 3×3 convolution by Winograd's method (Lavin & Gray 2016, arXiv 1509.09308).
///
/// The transforms cost accuracy: up to 1.5e-5 of the largest output with tiles of 6 × 6, 8e-6 with
/// 4 × 4, 2e-6 with stride 2, where the direct method has 1e-6; the tests hold each to its bound.
package final class WinogradConvolution: Operator {
  private let panel: WinogradPanel

  /// Transforms and packs `filter`; `form` has the geometry's stride.
  package init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, form: WinogradVariant,
    kernels: KernelTable
  ) throws(OutOfMemory) {
    panel = try WinogradPanel(geometry, filter, form: form, extraFloatsPerTile: 0, kernels: kernels)
  }

  package var strategy: String { panel.strategy }

  package var packedBytes: Int { panel.packedBytes }

  package var ownMultiplications: Int? { panel.multiplications }

  package var scratchCount: Int { panel.scratchCount }

  package func taskCount(batch: Int) -> Int { batch * panel.grid.chunkCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let geometry = panel.geometry
    let image = task / panel.grid.chunkCount
    let chunk = panel.grid.chunk(task % panel.grid.chunkCount)
    let (rows, columns) = panel.positions(of: chunk)
    let place =
      image * geometry.outputCount
      + (rows.lowerBound * geometry.outputWidth + columns.lowerBound) * geometry.outputStep
    panel.run(
      chunk, of: memory.input + image * geometry.inputCount, into: memory.output + place,
      rowStride: geometry.outputWidth * geometry.outputStep,
      residual: memory.residual.map { $0 + place }, scratch: memory.scratch)
  }
}
