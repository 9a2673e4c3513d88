import Kernels

/// The gradient with respect to the input of a layer with stride 1: the convolution of the output's
/// gradient with the transposed, flipped filter.
package struct TransposedConvolution: InputGradient {
  private let forward: ConvolutionLayer
  private let work: any Operator
  package let arithmetic: [Precision: Int]

  /// - Parameter layer: the layer itself, with stride 1.
  package init(_ layer: ConvolutionLayer, on target: ComputeTarget) {
    let geometry = layer.geometry
    precondition(geometry.stride == 1 && geometry.inputStride % 8 == 0)
    forward = layer
    let transposed = ConvolutionLayer(
      kind: layer.kind,
      geometry: ConvolutionGeometry(
        inputHeight: geometry.outputHeight, inputWidth: geometry.outputWidth,
        inputChannels: geometry.outputChannels, inputStride: geometry.outputStride,
        outputHeight: geometry.inputHeight, outputWidth: geometry.inputWidth,
        outputChannels: geometry.inputChannels, kernel: geometry.kernel, stride: 1,
        paddingTop: geometry.kernel - 1 - geometry.paddingTop,
        paddingLeft: geometry.kernel - 1 - geometry.paddingLeft),
      nonlinearity: .identity)
    guard
      let strategy = ConvolutionStrategy.choose(
        for: transposed, isGated: false, hasResidual: false, feedsResiduals: false, on: target)
    else { preconditionFailure("every layer without gate and residual has a strategy") }
    work = strategy.makeOperator(for: [transposed], isGated: false, on: target)
    arithmetic = strategy.arithmetic(of: [transposed], total: work.multiplyAdds ?? layer.macs)
  }

  package var packedCount: Int { work.packedCount }
  package var packingLeavesGaps: Bool { work.packingLeavesGaps }
  package var scratchCount: Int { work.scratchCount }
  package var takesBatch: Bool { work.takesBatch }

  package func taskCount(batch: Int) -> Int { work.taskCount(batch: batch) }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    work.run(task: task, batch: batch, memory)
  }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let geometry = forward.geometry
    let taps = geometry.kernel * geometry.kernel
    let isDepthwise = forward.kind == .depthwise
    if taps == 1 && !isDepthwise {
      let transposed = ConvolutionFilter(
        transposed: filter.weights, outputs: geometry.inputChannels)
      return work.pack(transposed, layer: layer, into: packed)
    }
    // A depthwise filter has one input for each output.
    let (outputs, inputs) =
      isDepthwise
      ? (1, geometry.outputChannels) : (geometry.outputChannels, geometry.inputChannels)
    withUnsafeTemporaryAllocation(of: Float.self, capacity: outputs * inputs * taps) { buffer in
      guard let weights = filter.weights.baseAddress, let transposed = buffer.baseAddress else {
        return
      }
      transpose(weights, outputs: outputs, inputs: inputs, taps: taps, into: transposed)
      work.pack(
        ConvolutionFilter(
          weights: UnsafeBufferPointer(buffer),
          scale: [Double](repeating: 1, count: geometry.inputChannels),
          bias: [Double](repeating: 0, count: geometry.inputChannels)),
        layer: layer, into: packed)
    }
  }

  /// `[output][input][tap]` to `[input][output][last tap first]`.
  ///
  /// Eight outputs at a time read eight sequential streams and write half cache lines.
  private func transpose(
    _ weights: UnsafePointer<Float>, outputs: Int, inputs: Int, taps: Int,
    into target: UnsafeMutablePointer<Float>
  ) {
    let depth = inputs * taps
    let whole = outputs & ~7
    for first in stride(from: 0, to: whole, by: 8) {
      for tap in 0..<taps {
        var source = weights + first * depth + tap
        var row = target + first * taps + taps - 1 - tap
        for _ in 0..<inputs {
          for lane in 0..<8 { row[lane &* taps] = source[lane &* depth] }
          source += taps
          row += outputs * taps
        }
      }
    }
    for output in whole..<outputs {
      for input in 0..<inputs {
        let source = weights + output * depth + input * taps
        let row = target + (input * outputs + output) * taps
        for tap in 0..<taps { row[tap] = source[taps - 1 - tap] }
      }
    }
  }
}
