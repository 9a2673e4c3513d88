import Kernels

/// A fully connected layer as one `cblas_sgemm` of a row per image.
///
/// A call per image, and not one for the batch: OpenBLAS may round a row differently in a product of
/// more rows.
package final class BLASLinear: Operator {
  private let inputs: Int
  private let outputs: Int
  private let kernels: KernelTable
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity

  /// Packs `filter`, a convolution of one position.
  package init(inputs: Int, outputs: Int, _ filter: ConvolutionFilter, kernels: KernelTable) {
    self.inputs = inputs
    self.outputs = outputs
    self.kernels = kernels
    weights = AlignedBuffer(count: inputs * outputs)
    filter.pack(inputChannels: inputs, kernel: 1, into: weights.base) { row, output in
      row * outputs + output
    }
    bias = filter.packedBias()
    nonlinearity = filter.nonlinearity
  }

  package var strategy: String { "sgemm" }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  package func taskCount(batch: Int) -> Int { batch }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let output = memory.output + task * channelStep(outputs)
    sgemm(
      rows: 1, columns: outputs, depth: inputs, memory.input + task * channelStep(inputs),
      channelStep(inputs), weights.base, output, channelStep(outputs))
    kernels.finish(
      Epilogue(
        rows: 1, channels: channelStep(outputs), c: output, cStride: channelStep(outputs),
        bias: bias.base, residual: nil, residualStride: 0, nonlinearity: nonlinearity))
  }
}
