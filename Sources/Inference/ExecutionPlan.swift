import GraphIR
import Operators

/// What a session does, step by step: a program that can be read.
public struct ExecutionPlan: Sendable {
  /// One operator call.
  public struct Step: Sendable {
    /// Path of the node that gives the step its output.
    public let name: String
    /// How it is computed, such as `im2col + sgemm` or `depthwise`.
    public let strategy: String
    /// Shape of the output for one image.
    public let shape: TensorShape
    /// Where the output lies in the arena, in bytes, for a batch of one.
    public let offset: Int
    /// Multiply-accumulates for one image.
    public let macs: Int
    /// Bytes that have to be moved at least for one image: input, residual, output and weights.
    public let bytes: Int
  }

  /// The steps in order.
  public let steps: [Step]
  /// Bytes of the arena for one image, the threads' scratch memory included.
  public let arenaBytes: Int
  /// Bytes of the largest set of values that are alive together, for one image.
  public let peakActivationBytes: Int
  /// Bytes of the packed weights.
  public let packedBytes: Int

  init(_ program: Program, scratchBytes: Int) {
    steps = program.steps.map { step in
      let moved = [step.input, step.output, step.residual, step.gate, step.sums]
      let floats = moved.reduce(0) { $0 + ($1.map { program.counts[$0] } ?? 0) }
      return Step(
        name: step.name, strategy: step.work.strategy, shape: step.shape,
        offset: 4 * program.memory.offset(of: step.output), macs: step.macs,
        bytes: 4 * floats + step.work.packedBytes)
    }
    arenaBytes = 4 * (program.memory.keptCount + program.memory.passingCount) + scratchBytes
    peakActivationBytes = 4 * program.memory.largestLiveSet
    packedBytes = program.steps.reduce(0) { $0 + $1.work.packedBytes }
  }
}
