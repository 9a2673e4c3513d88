import Kernels

/// A fully connected layer.
///
/// Our packed GEMM has a row for each image and a task for each block of outputs, so that the
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

  package init(_ layer: ConvolutionLayer, on target: ComputeTarget) {
    precondition(layer.geometry.outputPositions == 1)
    inputs = layer.geometry.inputChannels
    outputs = layer.geometry.outputChannels
    nonlinearity = layer.nonlinearity
    self.target = target
    gemm = GEMM(layer, on: target)
    blocks = max(1, outputs / 128)
  }

  package var packedCount: Int { gemm.packedCount }

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

  package var takesBatch: Bool {
    if case .kernels = target.gemm { true } else { false }
  }

  package func taskCount(batch: Int) -> Int { takesBatch ? gemm.blocks.count : batch * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    switch target.gemm {
    case .kernels:
      gemm.multiply(
        m: batch, memory.input, lda: channelStride(inputs), blocks: task..<task + 1,
        packed: memory.packed, into: memory.output, ldc: channelStride(outputs))
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
}
