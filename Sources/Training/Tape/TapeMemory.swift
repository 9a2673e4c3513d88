import Host
import Operators

/// The memory of a tape and its threads.
struct TapeMemory {
  /// Batch norm's vectors, packed weights, and partial sums.
  let statistics: UnsafeMutablePointer<Float>
  let packed: UnsafeMutablePointer<Float>
  let partials: UnsafeMutablePointer<Float>
  /// `threadCount` floats for each thread: scratch memory, then the buffers of its group.
  let scratch: UnsafeMutablePointer<Float>
  let scratchCount: Int
  let threadCount: Int
  /// Ones and zeros, as many as the widest layer has channels.
  let ones: UnsafePointer<Float>
  let zeros: UnsafePointer<Float>
  /// The batch's buffers.
  private let maps: UnsafeMutablePointer<Float>
  private let offsets: [Int]
  private let buffers: [AlignedBuffer]

  /// Allocates.
  ///
  /// - Throws: `OutOfMemory`.
  init(_ tape: Tape, _ plan: TapePlan, threads: Int) throws(OutOfMemory) {
    var buffers: [AlignedBuffer] = []
    for count in Self.counts(tape, plan, threads: threads) {
      buffers.append(try AlignedBuffer(count: count))
    }
    self.buffers = buffers
    (maps, statistics) = (buffers[0].base, buffers[1].base)
    (packed, partials, scratch) = (buffers[2].base, buffers[3].base, buffers[4].base)
    (scratchCount, threadCount) = (plan.scratchCount, plan.scratchCount + plan.passingCount)
    offsets = plan.offsets
    let (ones, zeros) = (buffers[5].base, buffers[5].base + tape.widestStride)
    ones.update(repeating: 1, count: tape.widestStride)
    (self.ones, self.zeros) = (UnsafePointer(ones), UnsafePointer(zeros))
  }

  /// Floats of each part: the batch's buffers, batch norm's vectors, packed weights, partial sums, the
  /// threads' memory, constants.
  static func counts(_ tape: Tape, _ plan: TapePlan, threads: Int) -> [Int] {
    [
      plan.count, tape.statisticsCount, tape.packedCount, plan.partialCount,
      (plan.scratchCount + plan.passingCount) * threads, 2 * tape.widestStride,
    ]
  }

  /// A buffer's memory: `inBatch` of its first map, or `inGroup` floats into that of a group.
  func base(
    of buffer: TapeBuffer, _ passing: UnsafeMutablePointer<Float>?, orGroup inGroup: Int = 0,
    _ inBatch: (UnsafeMutablePointer<Float>) -> UnsafeMutablePointer<Float>
  ) -> UnsafeMutablePointer<Float> {
    let offset = offsets[buffer]
    guard offset < 0 else { return inBatch(maps + offset) }
    guard let passing else { preconditionFailure("only a group has this buffer") }
    return passing + ~offset + inGroup
  }

}

extension Tape {
  /// The steps with weights to pack, the largest first.
  var packedSteps: [any PackedStep] {
    let packed = steps.compactMap { step -> (any PackedStep)? in
      switch step {
      case .convolution(let step): step
      case .expansion(let step): step
      case .depthwise(let step): step
      case .normalization, .activation, .pool, .gate, .attention, .layerNorm, .dropout: nil
      }
    }
    return packed.sorted { $0.weightCount > $1.weightCount }
  }

  /// Batch norms that use their running statistics.
  var fixedNormalizations: [NormalizationStep] {
    steps.compactMap(\.normalization).filter(\.usesRunningStatistics)
  }

  /// Floats for a position of the widest value, at least 64.
  var widestStride: Int {
    steps.reduce(64) { widest, step in
      switch step {
      case .convolution(let step):
        max(widest, step.layer.geometry.outputStride, step.layer.geometry.inputStride)
      case .expansion(let step):
        max(widest, step.depthwise.layer.geometry.outputStride)
      case .normalization(let step): max(widest, channelStride(step.node.shape.channels))
      case .depthwise(let step): max(widest, step.convolution.layer.geometry.inputStride)
      case .activation(let step): max(widest, channelStride(step.shape.channels))
      case .pool(let step): max(widest, channelStride(step.shape.channels))
      case .gate(let step): max(widest, channelStride(step.shape.channels))
      case .attention(let step): max(widest, channelStride(step.shape.channels))
      case .layerNorm(let step): max(widest, channelStride(step.shape.channels))
      case .dropout(let step): max(widest, channelStride(step.shape.channels))
      }
    }
  }
}
