import GraphIR

/// What a session will do, step by step: a program that can be read.
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
    /// Bytes read and written at least for one image: input, output and weights.
    public let bytes: Int
  }
  /// The steps in order.
  public let steps: [Step]
  /// Bytes of the arena of one session, scratch included.
  public let arenaBytes: Int
  /// Bytes of the largest set of values that are alive together, for one image.
  public let peakActivationBytes: Int
  /// Bytes of the packed weights.
  public let packedBytes: Int
}
