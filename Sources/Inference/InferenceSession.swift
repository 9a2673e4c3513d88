import GraphIR
import Operators
import Synchronization

/// A network ready to run: its compiled program, one arena, a pool of threads.
///
/// After `init` nothing is allocated, looked up or decided. A session is used from one thread at a
/// time; it makes its own. The answer for an image depends neither on the number of threads nor on
/// the other images of its batch, to the bit.
public final class InferenceSession {
  /// What a caller chooses.
  public struct Options: Sendable {
    /// Threads that compute, the caller's included.
    public var threads: Int
    /// Who computes the convolutions.
    public var backend: Backend
    /// Images that one run can take.
    public var maximumBatch: Int
    /// Nodes whose outputs stay readable after a run.
    public var retained: [Int]

    /// Options for `threads` threads.
    public init(
      threads: Int, backend: Backend = .auto, maximumBatch: Int = 1, retained: [Int] = []
    ) {
      self.threads = threads
      self.backend = backend
      self.maximumBatch = maximumBatch
      self.retained = retained
    }
  }

  /// The network.
  public let graph: Graph
  /// What the caller chose.
  public let options: Options
  /// What a run does, step by step.
  public let plan: ExecutionPlan

  private let program: Program
  private let arena: AlignedBuffer
  private let scratch: AlignedBuffer
  private let pool: WorkerPool
  /// The next task of each step, for the threads to take.
  private let nextTasks: UnsafeMutablePointer<Atomic<Int>>

  /// Compiles `graph`, packs its parameters, and starts the threads.
  ///
  /// - Throws: whatever `parameters` throws, `InferenceError.unsupported` for a graph the engine has
  ///   no operators for, `ProcessorError` for a forced instruction set that is not there,
  ///   `OpenBLASError` where the backend needs it and the system has none,
  ///   `OutOfMemory` where the values of such a batch find no room.
  public init(graph: Graph, parameters: some ParameterSource, options: Options) throws {
    precondition(options.threads >= 1 && options.maximumBatch >= 1)
    self.graph = graph
    self.options = options
    pool = WorkerPool(count: options.threads)
    let compiler = try OperatorCompiler(backend: options.backend)
    program = try Program(
      graph, parameters: parameters, compiler: compiler, retained: options.retained, pool: pool)
    plan = ExecutionPlan(program, backend: compiler.backend, threads: pool.count)
    scratch = try AlignedBuffer(count: plan.scratchBytes / MemoryLayout<Float>.stride)
    arena = try AlignedBuffer(count: program.memory.count, times: options.maximumBatch)
    nextTasks = .allocate(capacity: program.steps.count)
    for index in program.steps.indices { (nextTasks + index).initialize(to: Atomic(0)) }
  }

  deinit {
    nextTasks.deinitialize(count: program.steps.count)
    nextTasks.deallocate()
  }

  /// Lets `body` write the input of one image of the batch: height × width × 3 floats, NHWC.
  public func withInput<Result>(
    image: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    precondition((0..<options.maximumBatch).contains(image))
    let count = graph.inputShape.count
    return try body(
      UnsafeMutableBufferPointer(start: base(of: program.input) + image * count, count: count))
  }

  /// Runs the network on the first `batch` images.
  ///
  /// - Throws: `InferenceError.nonFinite` where a logit is NaN or infinite.
  public func run(batch: Int = 1) throws(InferenceError) {
    execute(batch: batch) { _ in }
    try checkLogits(batch: batch)
  }

  /// Runs the network once, and returns the seconds that each step of the plan took.
  public func profile(batch: Int = 1) throws(InferenceError) -> [Double] {
    let clock = ContinuousClock()
    var marks: [ContinuousClock.Instant] = []
    marks.reserveCapacity(program.steps.count + 1)
    marks.append(clock.now)
    execute(batch: batch) { _ in marks.append(clock.now) }
    try checkLogits(batch: batch)
    return zip(marks, marks.dropFirst()).map { ($1 - $0) / .seconds(1) }
  }

  /// The logits of one image of the last run.
  public func logits(image: Int = 0) -> [Float] {
    read(program.output, shape: graph.nodes[graph.output].shape, image: image)
  }

  /// The values of a node named in `Options.retained`, NHWC, for one image of the last run.
  public func output(ofNode id: Int, image: Int = 0) -> [Float] {
    guard let value = program.values[id] else {
      preconditionFailure("node \(id) was not retained")
    }
    return read(value, shape: graph.nodes[id].shape, image: image)
  }

  private func read(_ value: Int, shape: TensorShape, image: Int) -> [Float] {
    precondition((0..<options.maximumBatch).contains(image))
    let start = base(of: value) + image * program.counts[value]
    let step = program.counts[value] / shape.positions
    var result: [Float] = []
    result.reserveCapacity(shape.count)
    for position in 0..<shape.positions {
      result += UnsafeBufferPointer(start: start + position * step, count: shape.channels)
    }
    return result
  }

  private func base(of value: Int) -> UnsafeMutablePointer<Float> {
    arena.base + program.memory.offsets[value] * options.maximumBatch
  }

  private func memory(of step: CompiledStep, worker: Int) -> OperatorMemory {
    OperatorMemory(
      input: UnsafePointer(base(of: step.input)), output: base(of: step.output),
      residual: step.residual.map { UnsafePointer(base(of: $0)) },
      gate: step.gate.map { UnsafePointer(base(of: $0)) },
      sums: step.sums.map { base(of: $0) }, scratch: scratch.base + worker * program.scratchCount)
  }

  /// Every thread walks through the steps, takes tasks of each until none is left, and waits for the
  /// others before the next.
  private func execute(batch: Int, stepDone: (Int) -> Void) {
    precondition((1...options.maximumBatch).contains(batch))
    for index in program.steps.indices { nextTasks[index].store(0, ordering: .relaxed) }
    pool.run { worker in
      for (index, step) in program.steps.enumerated() {
        let memory = memory(of: step, worker: worker)
        let tasks = step.work.taskCount(batch: batch)
        if pool.count == 1 {
          for task in 0..<tasks { step.work.run(task: task, batch: batch, memory) }
        } else {
          while true {
            let task = nextTasks[index].add(1, ordering: .relaxed).oldValue
            guard task < tasks else { break }
            step.work.run(task: task, batch: batch, memory)
          }
          pool.barrier()
        }
        if worker == 0 { stepDone(index) }
      }
    }
  }

  private func checkLogits(batch: Int) throws(InferenceError) {
    for image in 0..<batch {
      let start = base(of: program.output) + image * program.counts[program.output]
      for index in 0..<graph.classCount where !start[index].isFinite {
        throw .nonFinite(image: image)
      }
    }
  }
}
