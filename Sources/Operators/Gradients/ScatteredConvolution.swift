import Kernels

/// The gradient with respect to the input of a full convolution of any stride.
///
/// The product of the output's gradient with the transposed weights is a panel with the values under
/// the kernel for each output position, which are added to the input positions they belong to: col2im.
package struct ScatteredConvolution: InputGradient {
  package let arithmetic: [Precision: Int]
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let kernels: KernelTable
  /// Output rows in a panel.
  private let panelRows: Int

  /// - Parameter layer: the layer itself.
  package init(_ layer: ConvolutionLayer, on target: ComputeTarget) {
    arithmetic = [.f32: layer.macs]
    geometry = layer.geometry
    precondition(geometry.inputStride % 8 == 0)
    kernels = target.kernels
    let depth = geometry.kernel * geometry.kernel * geometry.inputStride
    let product = ConvolutionGeometry(
      inputHeight: geometry.outputHeight, inputWidth: geometry.outputWidth,
      inputChannels: geometry.outputChannels, inputStride: geometry.outputStride,
      outputHeight: geometry.outputHeight, outputWidth: geometry.outputWidth,
      outputChannels: depth, kernel: 1, stride: 1, paddingTop: 0, paddingLeft: 0)
    gemm = GEMM(
      ConvolutionLayer(kind: .convolution, geometry: product, nonlinearity: .identity), on: target)
    // A panel of 256 KiB stays in the L2 cache.
    panelRows = min(geometry.outputHeight, max(1, 65_536 / (geometry.outputWidth * depth)))
  }

  package var packedCount: Int { gemm.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let taps = g.kernel * g.kernel
    withZeroedFloats(gemm.n * g.outputChannels) { transposed in
      for output in 0..<g.outputChannels {
        for channel in 0..<g.inputChannels {
          for tap in 0..<taps {
            transposed[(tap * g.inputStride + channel) * g.outputChannels + output] =
              filter.weights[(output * g.inputChannels + channel) * taps + tap]
          }
        }
      }
      gemm.pack(
        ConvolutionFilter(
          weights: UnsafeBufferPointer(start: transposed, count: gemm.n * g.outputChannels),
          scale: [Double](repeating: 1, count: gemm.n),
          bias: [Double](repeating: 0, count: gemm.n)),
        into: packed)
    }
  }

  private var panelCount: Int { panelRows * geometry.outputWidth * gemm.n }

  /// A panel, and zeros.
  package var scratchCount: Int { panelCount + geometry.inputStride }

  package func taskCount(batch: Int) -> Int { batch }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let g = geometry
    let gradient = memory.input + task * g.outputCount
    let output = memory.output + task * g.inputCount
    output.update(repeating: 0, count: g.inputCount)
    (memory.scratch + panelCount).update(repeating: 0, count: g.inputStride)
    for first in stride(from: 0, to: g.outputHeight, by: panelRows) {
      let rows = first..<min(first + panelRows, g.outputHeight)
      gemm.multiply(
        m: rows.count * g.outputWidth,
        GEMMRows(
          a: gradient + first * g.outputWidth * g.outputStride, lda: g.outputStride),
        blocks: 0..<gemm.blocks.count, packed: memory.packed, into: memory.scratch, ldc: gemm.n)
      for row in rows {
        scatter(
          row, memory.scratch + (row - first) * g.outputWidth * gemm.n,
          zeros: memory.scratch + panelCount, to: output)
      }
    }
  }

  /// Adds the values of one output row to the input positions they belong to.
  private func scatter(
    _ row: Int, _ panel: UnsafePointer<Float>, zeros: UnsafePointer<Float>,
    to output: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    for kernelRow in g.kernelRows(for: row) {
      let line = row * g.stride - g.paddingTop + kernelRow
      for tap in 0..<g.kernel {
        let columns = g.outputColumns(under: tap)
        guard !columns.isEmpty else { continue }
        let first = line * g.inputWidth + columns.lowerBound * g.stride - g.paddingLeft + tap
        kernels.epilogue(
          Epilogue(
            rows: columns.count, channels: g.inputStride, c: output + first * g.inputStride,
            ldc: g.stride * g.inputStride, bias: zeros,
            residual: panel + columns.lowerBound * gemm.n
              + (kernelRow * g.kernel + tap) * g.inputStride,
            ldResidual: gemm.n, nonlinearity: .identity))
      }
    }
  }
}
