import Kernels

/// A depthwise convolution, computed directly: vectors along the channels.
///
/// It adds its outputs up per channel as it stores them, for a squeeze-excite that follows.
package final class DepthwiseConvolution: SummingOperator {
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  private let filter: DepthwiseFilter
  private let strips: Int
  private let blocks: Int

  /// Packs `filter`.
  package init(_ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, kernels: KernelTable)
    throws(OutOfMemory)
  {
    self.geometry = geometry
    self.kernels = kernels
    self.filter = try DepthwiseFilter(geometry, filter)
    (strips, blocks) = Self.partition(geometry)
  }

  /// Strips of rows and blocks of channels: tasks of about 32 K outputs, rows first, so that a task
  /// walks through memory as it lies.
  private static func partition(_ geometry: ConvolutionGeometry) -> (strips: Int, blocks: Int) {
    let wanted = max(2, geometry.outputCount / 32_768)
    let strips = min(wanted, max(1, geometry.outputHeight / 4))
    let vectors = max(1, geometry.outputStep / 64)
    return (strips, min(vectors, (wanted + strips - 1) / strips))
  }

  package var strategy: String { "depthwise" }

  package var packedBytes: Int { filter.packedBytes }

  package var partialSums: Int { strips }

  package func taskCount(batch: Int) -> Int { batch * strips * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (strips * blocks)
    let strip = task / blocks % strips
    // Blocks begin at multiples of 16 channels.
    let vectors = evenRange(task % blocks, of: blocks, total: (geometry.outputStep + 15) / 16)
    let first = vectors.lowerBound * 16
    kernels.depthwise(
      filter.rows(
        evenRange(strip, of: strips, total: geometry.outputHeight),
        channels: first..<min(vectors.upperBound * 16, geometry.outputStep),
        x: memory.input + image * geometry.inputCount + first, inputStep: geometry.inputStep,
        image: image, sums: memory.sums.map { $0 + (image * strips + strip) * geometry.outputStep },
        output: memory.output))
  }
}
