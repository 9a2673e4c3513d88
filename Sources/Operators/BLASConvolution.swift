import COpenBLAS
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
  package init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, gatesInput: Bool,
    kernels: KernelTable
  ) {
    self.geometry = geometry
    self.kernels = kernels
    panel = ConvolutionPanel(geometry, gatesInput: gatesInput, kernels: kernels)
    let columns = geometry.outputChannels
    weights = AlignedBuffer(count: geometry.depth * columns)
    filter.pack(
      inputChannels: geometry.inputChannels, inputStep: geometry.inputChannels,
      kernel: geometry.kernel, into: weights.base
    ) { row, output in row * columns + output }
    bias = filter.packedBias()
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
    sgemm(
      rows: rows.count, columns: geometry.outputChannels, depth: geometry.depth, a, stride,
      weights.base, output, geometry.outputStep)
    kernels.finish(
      Epilogue(
        rows: rows.count, channels: geometry.outputStep, c: output, cStride: geometry.outputStep,
        bias: bias.base, residual: memory.residual.map { $0 + start },
        residualStride: geometry.outputStep, nonlinearity: nonlinearity))
  }
}

/// C[rows, columns] = A[rows, depth] × B[depth, columns], row-major, on the calling thread.
func sgemm(
  rows: Int, columns: Int, depth: Int, _ a: UnsafePointer<Float>, _ aStride: Int,
  _ b: UnsafePointer<Float>, _ c: UnsafeMutablePointer<Float>, _ cStride: Int
) {
  cblas_sgemm(
    CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(rows), blasint(columns), blasint(depth), 1,
    a, blasint(aStride), b, blasint(columns), 0, c, blasint(cStride))
}

/// Keeps OpenBLAS on the calling thread: with threads of its own the last bits of a result would
/// depend on their number.
///
/// Done once in a process: while products run, setting it disturbs them.
package let openBLASUsesCallingThread: Void = openblas_set_num_threads(1)
