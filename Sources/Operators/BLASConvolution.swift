import Host
import Kernels

/// A convolution as `cblas_sgemm` on panels of output positions, with the epilogue applied while
/// the panel is in cache.
///
/// A 1×1 convolution reads the feature map in place; any other gathers its panel by im2col. The
/// panels do not depend on the number of threads or images, and OpenBLAS runs each call on the
/// calling thread, so that neither changes a bit of the result.
package final class BLASConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let panel: ConvolutionPanel
  private let kernels: KernelTable
  private let blas: OpenBLAS
  /// `depth` × `outputChannels`, row-major.
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity
  /// Panels that the positions of an image are cut into.
  private let panels: Int

  /// Packs `filter`.
  ///
  /// - Parameter gatesInput: whether the input is multiplied by `OperatorMemory.gate`; pointwise
  ///   convolutions only.
  /// - Throws: `OpenBLASError`, `OutOfMemory`.
  package init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool,
    kernels: KernelTable
  ) throws {
    blas = try OpenBLAS.loaded()
    self.geometry = geometry
    self.kernels = kernels
    panel = ConvolutionPanel(geometry, gatesInput: gatesInput, kernels: kernels)
    let columns = geometry.outputChannels
    weights = try AlignedBuffer(count: geometry.depth * columns)
    filter.pack(
      0..<columns, inputChannels: geometry.inputChannels,
      inputStep: geometry.inputChannels, kernel: geometry.kernel,
      into: weights.base, width: columns)
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
    panels = Self.panelCount(geometry)
  }

  /// Panels of an image.
  ///
  /// At most 192 positions, and 512 KiB of gathered values, in a panel: enough rows that OpenBLAS's
  /// packing of the weights is small beside the product, few enough to stay in a second-level cache.
  /// An even count, so that two threads finish together.
  private static func panelCount(_ geometry: ConvolutionGeometry) -> Int {
    let rows = min(192, max(48, 131_072 / geometry.depth))
    let count = (geometry.outputPositions + rows - 1) / rows
    return count == 1 ? (geometry.outputPositions >= 32 ? 2 : 1) : count + count % 2
  }

  package var strategy: String { geometry.isPointwise ? "sgemm" : "im2col + sgemm" }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  package var scratchCount: Int {
    panel.scratchCount(rows: (geometry.outputPositions + panels - 1) / panels)
  }

  package func taskCount(batch: Int) -> Int { batch * panels }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / panels
    let rows = evenRange(task % panels, of: panels, total: geometry.outputPositions)
    let start = image * geometry.outputCount + rows.lowerBound * geometry.outputStep
    let (a, stride) = panel.make(rows, image: image, memory)
    let output = memory.output + start
    blas.sgemm(
      rows: rows.count, columns: geometry.outputChannels, depth: geometry.depth, a, stride,
      weights.base, output, geometry.outputStep)
    kernels.epilogue(
      Epilogue(
        rows: rows.count, channels: geometry.outputStep, c: output, ldc: geometry.outputStep,
        bias: bias.base, residual: memory.residual.map { $0 + start },
        ldResidual: geometry.outputStep, nonlinearity: nonlinearity))
  }
}
