import GraphIR

/// STUB of the interface; the real one replaces this file.
public final class InferenceSession {
  public struct Options: Sendable {
    public var threads: Int
    public var backend: Backend
    public var maximumBatch: Int
    /// Nodes whose outputs stay readable after a run.
    public var retained: [Int]
    public init(
      threads: Int, backend: Backend = .blas, maximumBatch: Int = 1, retained: [Int] = []
    ) {
      self.threads = threads
      self.backend = backend
      self.maximumBatch = maximumBatch
      self.retained = retained
    }
  }
  public let graph: Graph
  public let options: Options
  public let plan: ExecutionPlan
  public init(graph: Graph, parameters: some ParameterSource, options: Options) throws {
    self.graph = graph
    self.options = options
    self.plan = ExecutionPlan(steps: [], arenaBytes: 0, peakActivationBytes: 0, packedBytes: 0)
  }
  /// The input of one image of the batch: height × width × 3 values, NHWC.
  public func withInput<Result>(
    image: Int, _ body: (UnsafeMutableBufferPointer<Float>) throws -> Result
  ) rethrows -> Result { try body(UnsafeMutableBufferPointer(start: nil, count: 0)) }
  /// Runs the network on the first `batch` images. Throws InferenceError.nonFinite(image:).
  public func run(batch: Int) throws {}
  /// Runs it once and reports seconds per step, in the order of `plan.steps`.
  public func profile(batch: Int) throws -> [Double] { [] }
  public func logits(image: Int) -> [Float] { [] }
  /// NHWC values of a retained node.
  public func output(ofNode id: Int, image: Int) -> [Float] { [] }
}
