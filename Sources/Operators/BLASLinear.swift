import Host
import Kernels

/// A fully connected layer as `cblas_sgemv`: a matrix-vector product per image.
///
/// A call per image, and not one product for the batch: OpenBLAS may round a row differently in a
/// product of more rows, and its product of one row repacks the weights, which takes ten times as
/// long as reading them once.
package final class BLASLinear: Operator {
  private let inputs: Int
  private let outputs: Int
  private let kernels: KernelTable
  private let blas: OpenBLAS
  /// `[outputs, inputs]`, the file's order.
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let nonlinearity: Nonlinearity
  /// Tasks per image: blocks of outputs, whose bounds are multiples of 8.
  private let blocks: Int

  /// Packs `filter`, a convolution of one position.
  ///
  /// - Throws: `OpenBLASError`, `OutOfMemory`.
  package init(inputs: Int, outputs: Int, _ filter: ConvolutionFilter, kernels: KernelTable) throws
  {
    blas = try OpenBLAS.loaded()
    self.inputs = inputs
    self.outputs = outputs
    self.kernels = kernels
    weights = try AlignedBuffer(count: inputs * outputs)
    for output in 0..<outputs where !filter.weights.isEmpty {
      let factor = filter.scale[output]
      for index in output * inputs..<(output + 1) * inputs {
        weights.base[index] = Float(Double(filter.weights[index]) * factor)
      }
    }
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
    blocks = max(1, outputs / 128)
  }

  package var strategy: String { "sgemv" }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  package func taskCount(batch: Int) -> Int { batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / blocks
    let units = evenRange(task % blocks, of: blocks, total: channelStep(outputs) / 8)
    let first = units.lowerBound * 8
    let rows = min(units.upperBound * 8, outputs) - first
    let output = memory.output + image * channelStep(outputs) + first
    blas.sgemv(
      rows: rows, columns: inputs, weights.base + first * inputs,
      memory.input + image * channelStep(inputs), output)
    kernels.epilogue(
      Epilogue(
        rows: 1, channels: units.count * 8, c: output, ldc: 0, bias: bias.base + first,
        residual: nil, ldResidual: 0, nonlinearity: nonlinearity))
  }
}
