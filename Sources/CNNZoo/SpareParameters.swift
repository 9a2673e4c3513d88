/// Parameters for looking at a network's program when nobody will run it: all zero, which costs no
/// time to compute.
struct SpareParameters: ParameterSource {
  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try [Float](repeating: 0, count: parameter.count).withUnsafeBufferPointer(body)
  }

  func release(_ parameter: Parameter) {}
}

extension ExecutionPlan {
  /// The program that a session of `graph` would run; needs no weights.
  ///
  /// - Throws: what `InferenceSession.init` throws.
  public static func planning(
    _ graph: Graph, options: InferenceSession.Options
  ) throws -> ExecutionPlan {
    try InferenceSession(graph: graph, parameters: SpareParameters(), options: options).plan
  }
}
