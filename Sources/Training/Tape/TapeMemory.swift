import GraphIR
import Host
import Operators

extension Tape {
  /// Where the buffers are for a batch.
  func memoryPlan(batch: Int) -> MemoryPlan {
    MemoryPlan(
      zip(bufferCounts, lifetimes).map { MemoryPlan.Record(count: $0 * batch, lifetime: $1) })
  }

  /// What packs the weights of each layer, the largest first.
  var packings: [(TapeRun) -> Void] {
    var convolutions: [ConvolutionStep] = []
    for case .convolution(let step) in steps { convolutions.append(step) }
    convolutions.sort { $0.weight.parameter.count > $1.weight.parameter.count }
    return convolutions.flatMap(\.packings)
  }

  /// Floats of each part of a session's memory: the buffers, batch norm's vectors, packed weights,
  /// partial sums, scratch memory, constants.
  func memory(_ plan: MemoryPlan, batch: Int, threads: Int) -> [Int] {
    let sizes = workingMemory(batch: batch)
    return [
      plan.count, statisticsCount, packedCount, sizes.partials,
      (sizes.scratch + 15 & ~15) * threads, 2 * widestStride,
    ]
  }

  /// Floats of partial sums, and of scratch memory for each thread.
  func workingMemory(batch: Int) -> (partials: Int, scratch: Int) {
    var (partials, scratch) = (widestStride, widestStride)
    for step in steps {
      switch step {
      case .convolution(let step):
        partials = max(
          partials, step.weightGradient.partialCount(batch: batch), step.layer.geometry.outputStride
        )
        scratch = max(
          scratch, step.forward.scratchCount, step.backward?.scratchCount ?? 0,
          step.weightGradient.scratchCount)
      case .normalization(let step):
        partials = max(partials, sums(of: step.node.shape, batch: batch))
      case .activation(let step): partials = max(partials, sums(of: step.shape, batch: batch))
      case .attention(let step): scratch = max(scratch, step.scratchCount)
      case .pool, .gate, .layerNorm, .dropout: break
      }
    }
    return (partials, scratch)
  }

  private func sums(of shape: TensorShape, batch: Int) -> Int {
    let stride = channelStride(shape.channels)
    return 2 * stride
      * TapeRun.Parts(images: batch, positions: shape.positions, stride: stride).count
  }

  /// Floats for a position of the widest value.
  var widestStride: Int {
    max(
      64,
      steps.map { step in
        switch step {
        case .convolution(let step):
          max(step.layer.geometry.outputStride, step.layer.geometry.inputStride)
        case .normalization(let step): channelStride(step.node.shape.channels)
        case .activation(let step): channelStride(step.shape.channels)
        case .pool(let step): channelStride(step.shape.channels)
        case .gate(let step): channelStride(step.shape.channels)
        case .attention(let step): channelStride(step.shape.channels)
        case .layerNorm(let step): channelStride(step.shape.channels)
        case .dropout(let step): channelStride(step.shape.channels)
        }
      }.max() ?? 0)
  }
}
