import Kernels

/// A fully connected layer.
///
/// Our packed GEMM has a row for each image and a task for each group of outputs, so that the
/// weights are read once for the whole batch. With OpenBLAS, there is a matrix-vector product for
/// each image: its GEMM with one row would repack the weights, which takes ten times as long as
/// reading them, and its GEMM with several rows may round a row differently.
package struct LinearLayer: Operator {
  private let inputs: Int
  private let outputs: Int
  private let gemm: GEMM
  private let nonlinearity: Nonlinearity
  private let target: ComputeTarget
  /// Tasks for each image with OpenBLAS: blocks of outputs with bounds at multiples of 8.
  private let blocks: Int
  /// Tasks with our kernels: groups of column blocks, each of which converts the inputs again.
  private let groups: Int
  /// Inputs that are converted at a time.
  private static let rows = 8

  package init(_ layer: ConvolutionLayer, _ precision: ProductPrecision, on target: ComputeTarget) {
    precondition(layer.geometry.outputPositions == 1)
    inputs = layer.geometry.inputChannels
    outputs = layer.geometry.outputChannels
    nonlinearity = layer.nonlinearity
    self.target = target
    gemm = GEMM(layer, precision, on: target)
    blocks = max(1, outputs / 128)
    groups = gemm.converts(gated: false) ? min(gemm.blocks.count, 8) : gemm.blocks.count
  }

  package var packedCount: Int { gemm.packedCount }

  package var packingLeavesGaps: Bool {
    if case .kernels = target.gemm { gemm.packingLeavesGaps } else { true }
  }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    switch target.gemm {
    case .kernels: gemm.pack(filter, into: packed)
    case .openBLAS:
      // `[outputs, inputs]`, the file's order.
      for output in 0..<outputs {
        let factor = filter.scale[output]
        for index in output * inputs..<(output + 1) * inputs {
          packed[index] = Float(Double(filter.weights[index]) * factor)
        }
      }
      filter.packBias(into: packed + inputs * outputs)
    }
  }

  package var scratchCount: Int {
    gemm.converts(gated: false) ? gemm.panelCount(rows: Self.rows) : 0
  }

  package var takesBatch: Bool {
    if case .kernels = target.gemm { true } else { false }
  }

  package func taskCount(batch: Int) -> Int { takesBatch ? groups : batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    switch target.gemm {
    case .kernels:
      let range = evenRange(task, of: groups, total: gemm.blocks.count)
      let rows = GEMMRows(a: memory.input, lda: channelStride(inputs))
      guard gemm.converts(gated: false) else { return multiply(batch, rows, range, memory, at: 0) }
      for first in stride(from: 0, to: batch, by: Self.rows) {
        let count = min(Self.rows, batch - first)
        let converted = gemm.convert(
          rows: count, rows.from(first).a, lda: rows.lda, into: memory.scratch)
        multiply(count, converted, range, memory, at: first)
      }
    case .openBLAS(let library):
      let image = task / blocks
      let units = evenRange(task % blocks, of: blocks, total: channelStride(outputs) / 8)
      let first = units.lowerBound * 8
      let output = memory.output + image * channelStride(outputs) + first
      library.sgemv(
        rows: min(units.upperBound * 8, outputs) - first, columns: inputs,
        memory.packed + first * inputs, memory.input + image * channelStride(inputs), output)
      target.kernels.epilogue(
        Epilogue(
          rows: 1, channels: units.count * 8, c: output, ldc: 0,
          bias: memory.packed + inputs * outputs + first, residual: nil, ldResidual: 0,
          nonlinearity: nonlinearity))
    }
  }

  private func multiply(
    _ m: Int, _ rows: GEMMRows, _ range: Range<Int>, _ memory: OperatorMemory, at image: Int
  ) {
    gemm.multiply(
      m: m, rows, blocks: range, packed: memory.packed,
      into: memory.output + image * channelStride(outputs), ldc: channelStride(outputs))
  }
}
