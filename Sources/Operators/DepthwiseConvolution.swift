import Kernels

/// A depthwise convolution, computed directly: vectors along the channels.
///
/// It adds its outputs up per channel as it stores them, for a squeeze-excite that follows.
package final class DepthwiseConvolution: SummingOperator {
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  /// kernel × kernel vectors of `outputStep` weights.
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity
  private let strips: Int
  private let blocks: Int

  /// Packs `filter`.
  package init(_ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, kernels: KernelTable)
  {
    self.geometry = geometry
    self.kernels = kernels
    let step = geometry.outputStep
    let taps = geometry.kernel * geometry.kernel
    weights = AlignedBuffer(count: taps * step)
    for channel in 0..<geometry.outputChannels {
      for tap in 0..<taps {
        weights.base[tap * step + channel] =
          Float(Double(filter.weights[channel * taps + tap]) * filter.scale[channel])
      }
    }
    bias = filter.packedBias()
    nonlinearity = filter.nonlinearity
    (strips, blocks) = Self.partition(geometry)
  }

  /// Strips of rows and blocks of channels: tasks of about 32 K outputs, rows first, so that a task
  /// walks through memory as it lies; an even number of them.
  private static func partition(_ geometry: ConvolutionGeometry) -> (strips: Int, blocks: Int) {
    let wanted = max(2, geometry.outputCount / 32_768)
    let strips = min(wanted, max(1, geometry.outputHeight / 4))
    let vectors = max(1, geometry.outputStep / 64)
    return (strips, min(vectors, (wanted + strips - 1) / strips))
  }

  package var strategy: String { "depthwise" }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  /// Vectors of partial sums per image: one for every strip of rows.
  package var partialSums: Int { strips }

  package func taskCount(batch: Int) -> Int { batch * strips * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (strips * blocks)
    let strip = task / blocks % strips
    let rows = evenRange(strip, of: strips, total: geometry.outputHeight)
    // Blocks begin at multiples of 16 channels.
    let vectors = evenRange(task % blocks, of: blocks, total: (geometry.outputStep + 15) / 16)
    let first = vectors.lowerBound * 16
    let last = min(vectors.upperBound * 16, geometry.outputStep)
    kernels.depthwise(
      DepthwiseRows(
        kernel: geometry.kernel, stride: geometry.stride, paddingTop: geometry.paddingTop,
        paddingLeft: geometry.paddingLeft, channels: last - first,
        x: memory.input + image * geometry.inputCount + first, inputHeight: geometry.inputHeight,
        inputWidth: geometry.inputWidth, inputStep: geometry.inputStep,
        out: memory.output + image * geometry.outputCount
          + rows.lowerBound * geometry.outputWidth * geometry.outputStep + first,
        firstRow: rows.lowerBound, rows: rows.count, outputWidth: geometry.outputWidth,
        outputStep: geometry.outputStep, weights: weights.base + first,
        weightStep: geometry.outputStep, bias: bias.base + first, nonlinearity: nonlinearity,
        sums: memory.sums.map { $0 + (image * strips + strip) * geometry.outputStep + first }))
  }
}
