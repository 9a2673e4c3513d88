import Host
import GraphIR
import Operators

/// A network ready to run: its program, packed weights, memory for all values, and a pool of threads.
///
/// After `init` there are no allocations, lookups or decisions. The results for an image are
/// bit-identical for any number of threads and any other images in the batch.
///
/// Use a session from one thread at a time; it has its own workers. Or use `workers` threads, each with
/// its own images, and none for all images meanwhile.
public final class InferenceSession: Sendable {
  /// Options for a session.
  public struct Options: Sendable {
    /// Compute threads, including the caller's.
    public var threads: Int
    /// Compute backend.
    public var backend: Backend
    /// Precision of the matrix products; feature maps are always f32.
    public var precision: Precision
    /// The maximum number of images per run.
    public var maximumBatch: Int
    /// Nodes whose outputs stay readable after a run.
    public var retained: [Int]

    /// Options for `threads` threads.
    public init(
      threads: Int, backend: Backend = .auto, precision: Precision = .f32, maximumBatch: Int = 1,
      retained: [Int] = []
    ) {
      self.threads = threads
      self.backend = backend
      self.precision = precision
      self.maximumBatch = maximumBatch
      self.retained = retained
    }

    /// The same with at least one image for each thread, and the same number for all.
    public var forStreams: Options {
      var options = self
      options.maximumBatch = (maximumBatch + threads - 1) / threads * threads
      return options
    }
  }

  /// The network.
  public let graph: Graph
  /// The options it was created with.
  public let options: Options
  /// The steps of a run.
  public let program: Program

  /// The number of threads that can run the network side by side.
  public let workers: Int

  private let workspace: Workspace
  private let runner: Runner

  /// Lowers `graph`, packs its parameters, and starts the threads.
  ///
  /// - Throws: Errors of `parameters`, `InferenceError.unsupported` for a graph with unsupported
  ///   operations and `.precision` if the backend does not support the precision, `ProcessorError`
  ///   if a forced instruction set is not supported, `OpenBLASError` if the backend needs OpenBLAS
  ///   and it cannot be loaded, `OutOfMemory` if the weights or the values of a batch do not fit.
  public init(graph: Graph, parameters: some ParameterSource, options: Options) throws {
    precondition(options.threads >= 1 && options.maximumBatch >= 1)
    self.graph = graph
    self.options = options
    let pool = WorkerPool(count: options.threads)
    program = try Program(lowering: graph, options: options)
    workspace = try Workspace(
      program, weights: PackedWeights(program, from: parameters, pool: pool), threads: pool.count,
      batch: options.maximumBatch)
    runner = Runner(program, workspace: workspace, pool: pool)
    workers = min(pool.count, options.maximumBatch)
  }

  /// Calls `body` to write the input for one image of the batch: height × width × 3 floats, NHWC.
  public func withInput<Result>(
    image: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result {
    precondition((0..<options.maximumBatch).contains(image))
    let count = graph.inputShape.count
    return try body(
      UnsafeMutableBufferPointer(
        start: workspace.base(of: program.input, image: image), count: count))
  }

  /// Runs the network on the first `batch` images.
  ///
  /// - Throws: `InferenceError.nonFinite` if a logit is NaN or infinite.
  public func run(batch: Int = 1) throws(InferenceError) {
    precondition((1...options.maximumBatch).contains(batch))
    runner.run(0..<batch)
    try checkLogits(batch: batch)
  }

  /// The images of a worker, which no other touches.
  public func images(ofWorker worker: Int) -> Range<Int> {
    precondition((0..<workers).contains(worker))
    let count = options.maximumBatch / workers
    return worker * count..<(worker + 1) * count
  }

  /// Runs the network on some images with all threads; does not look at the logits.
  public func run(_ images: Range<Int>) {
    precondition(!images.isEmpty && images.upperBound <= options.maximumBatch)
    runner.run(images)
  }

  /// Runs the network on some images of a worker on the calling thread alone; does not look at the
  /// logits.
  public func run(_ images: Range<Int>, worker: Int) {
    precondition(!images.isEmpty && self.images(ofWorker: worker).contains(images))
    runner.run(images, worker: worker)
  }

  /// Runs the network once and returns the seconds that each step took.
  ///
  /// All threads work on one step of one image at a time.
  public func profile(batch: Int = 1) throws(InferenceError) -> [Double] {
    precondition((1...options.maximumBatch).contains(batch))
    let seconds = runner.profile(batch: batch)
    try checkLogits(batch: batch)
    return seconds
  }

  /// The logits for one image of the last run.
  public func logits(image: Int = 0) -> [Float] {
    read(program.output, shape: graph.nodes[graph.output].shape, image: image)
  }

  /// The values of a node named in `Options.retained`, NHWC, for one image of the last run.
  public func output(ofNode id: Int, image: Int = 0) -> [Float] {
    guard let value = program.nodeValues[id] else {
      preconditionFailure("node \(id) was not retained")
    }
    return read(value, shape: graph.nodes[id].shape, image: image)
  }

  /// The name of the first step, or the input, with NaN or infinity for an image in the last run.
  ///
  /// `nil` if all values are finite. Values share memory, so this runs the network once more, step
  /// by step, on the calling thread and in the memory of the image's worker; the logits do not change.
  public func firstNonFiniteLayer(image: Int = 0) -> String? {
    precondition((0..<options.maximumBatch).contains(image))
    let isFinite = withInput(image: image) { $0.allSatisfy(\.isFinite) }
    guard isFinite else { return graph.nodes[0].name }
    let worker = min(image / (options.maximumBatch / workers), workers - 1)
    return runner.firstNonFiniteStep(image: image, worker: worker).map { program.steps[$0].name }
  }

  private func read(_ value: Int, shape: TensorShape, image: Int) -> [Float] {
    precondition((0..<options.maximumBatch).contains(image))
    let start = workspace.base(of: value, image: image)
    let stride = program.values[value].stride
    var result: [Float] = []
    result.reserveCapacity(shape.count)
    for position in 0..<shape.positions {
      result += UnsafeBufferPointer(start: start + position * stride, count: shape.channels)
    }
    return result
  }

  private func checkLogits(batch: Int) throws(InferenceError) {
    for image in 0..<batch {
      let start = workspace.base(of: program.output, image: image)
      for index in 0..<graph.classCount where !start[index].isFinite {
        throw .nonFinite(image: image, layer: firstNonFiniteLayer(image: image) ?? "the logits")
      }
    }
  }
}
