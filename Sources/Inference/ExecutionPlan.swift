import Host
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
    /// Multiply-adds of the algorithm in use: fewer than `macs` for Winograd's.
    public let multiplyAdds: Int
    /// Bytes that have to be moved at least for one image: input, residual, output and weights.
    public let bytes: Int
  }

  /// The steps in order.
  public let steps: [Step]
  /// Who computes the convolutions: what was asked for, or what `auto` stands for here.
  public let backend: Backend
  /// Bytes of the arena for one image, the threads' scratch memory included.
  public let arenaBytes: Int
  /// Bytes of the threads' scratch memory.
  public let scratchBytes: Int
  /// Bytes of the largest set of values that are alive together, for one image.
  public let peakActivationBytes: Int
  /// Bytes of the packed weights.
  public let packedBytes: Int

  /// The program that a session of `graph` would run; needs no weights, and packs none.
  ///
  /// - Throws: `InferenceError.unsupported`, `ProcessorError`, `OpenBLASError` and `OutOfMemory`, as
  ///   a session would.
  public init(of graph: Graph, options: InferenceSession.Options) throws {
    let compiler = try OperatorCompiler(backend: options.backend)
    let program = try Program(
      graph, parameters: nil, compiler: compiler, retained: options.retained,
      pool: WorkerPool(count: 1))
    self.init(program, backend: compiler.backend, threads: options.threads)
  }

  init(_ program: Program, backend: Backend, threads: Int) {
    self.backend = backend
    steps = program.steps.map { step in
      let moved = [step.input, step.output, step.residual, step.gate, step.sums]
      let floats = moved.reduce(0) { $0 + ($1.map { program.counts[$0] } ?? 0) }
      return Step(
        name: step.name, strategy: step.work.strategy, shape: step.shape,
        offset: 4 * program.memory.offset(of: step.output), macs: step.macs,
        multiplyAdds: step.work.ownMultiplications ?? step.macs,
        bytes: 4 * floats + step.work.packedBytes)
    }
    scratchBytes = 4 * program.scratchCount * threads
    arenaBytes = 4 * (program.memory.keptCount + program.memory.passingCount) + scratchBytes
    peakActivationBytes = 4 * program.memory.largestLiveSet
    packedBytes = program.steps.reduce(0) { $0 + $1.work.packedBytes }
  }
}
