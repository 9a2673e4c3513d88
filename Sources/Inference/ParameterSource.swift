import GraphIR

/// Where a network's parameters come from; several threads ask at once.
public protocol ParameterSource: Sendable {
  /// Calls `body` with the values of `parameter`, in PyTorch's order; they are valid in it only.
  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result

  /// Says that `parameter` has been packed and will not be asked for again.
  func release(_ parameter: Parameter)

  /// What to throw where `parameter` cannot be used, for `reason`.
  func refusal(of parameter: Parameter, because reason: String) -> InferenceError
}

extension ParameterSource {
  /// Names the parameter as the graph does.
  public func refusal(of parameter: Parameter, because reason: String) -> InferenceError {
    .badParameter(path: "parameters", name: parameter.name, reason: reason)
  }
}
