import Host
import Kernels

/// A fully connected layer by the packed product: a row per image, a task per block of outputs, so
/// that the weights are read once for the whole batch.
package final class PackedLinear: Operator {
  private let inputs: Int
  private let matrix: PackedMatrix

  /// Packs `filter`, a convolution of one position.
  package init(inputs: Int, _ filter: ConvolutionFilter, kernels: KernelTable)
    throws(OutOfMemory)
  {
    self.inputs = inputs
    matrix = try PackedMatrix(filter, inputChannels: inputs, kernels: kernels)
  }

  package var strategy: String { "packed" }

  package var takesBatch: Bool { true }

  package var packedBytes: Int { matrix.packedBytes }

  package func taskCount(batch: Int) -> Int { matrix.blockCount }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    matrix.multiply(
      rows: batch, memory.input, stride: channelStep(inputs), blocks: task..<task + 1,
      into: memory.output, stride: channelStep(matrix.columns), residual: nil)
  }
}
