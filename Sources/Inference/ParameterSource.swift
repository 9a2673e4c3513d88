import GraphIR

/// Supplies a network's parameters; called from several threads at once.
public protocol ParameterSource: Sendable {
  /// Calls `body` with the values of `parameter`, in PyTorch's order; they are valid only during
  /// the call.
  func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result

  /// Called when `parameter` has been packed and is no longer needed for now.
  func release(_ parameter: Parameter)

  /// The error for a `parameter` that cannot be used, for `reason`.
  func refusal(of parameter: Parameter, because reason: String) -> InferenceError
}

extension ParameterSource {
  /// The error uses the graph's name for the parameter.
  public func refusal(of parameter: Parameter, because reason: String) -> InferenceError {
    .badParameter(path: "parameters", name: parameter.name, reason: reason)
  }
}

/// Parameters computed by a formula that other programs can reproduce.
///
/// They allow running a network without a weight file (benchmarks), and comparing two
/// implementations at full size (`Scripts/goldens/reference_networks.py` computes the same values).
/// Element i of the tensor called `name` is base + spread · u, with u uniform in [−1, 1) from the
/// 24 high bits of SplitMix64 (Steele et al. 2014) seeded with FNV-1a(name) + `seed`. Weights have
/// base 0 and He's spread √(6 / fan-in), or √(1 / fan-in) in layers that reduce channels. With
/// these, the logits of every network in the catalogue depend on the image and hardly on rounding;
/// with He's spread alone, a chain of residuals would explode.
public struct SeededParameters: ParameterSource, Sendable {
  /// Added to the generator's seed; each value gives a different network.
  public let seed: UInt64

  /// Creates the parameters for `seed`.
  public init(seed: UInt64 = 0) {
    self.seed = seed
  }

  /// Calls `body` with the computed values.
  public func withValues<Result>(
    of parameter: Parameter, _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) throws -> Result {
    try values(of: parameter).withUnsafeBufferPointer(body)
  }

  /// Does nothing, because nothing is kept.
  public func release(_ parameter: Parameter) {}

  /// The values of `parameter`, in PyTorch's order.
  public func values(of parameter: Parameter) -> [Float] {
    let (base, spread) = Self.distribution(of: parameter)
    var state = seed
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in parameter.name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    state &+= hash
    return (0..<parameter.count).map { _ in
      state &+= 0x9e37_79b9_7f4a_7c15
      var z = state
      z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
      z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
      z ^= z >> 31
      let u = Float(z >> 40) * 0x1p-23 - 1
      return base + spread * u
    }
  }

  private static func distribution(of parameter: Parameter) -> (base: Float, spread: Float) {
    switch parameter.role {
    case .weight where parameter.shape.count > 1:
      let fanIn = Double(parameter.shape.dropFirst().reduce(1, *))
      let narrows = parameter.shape[0] < parameter.shape[1]
      return (0, Float(((narrows ? 1 : 6) / fanIn).squareRoot()))
    case .weight: return (1, 0.25)
    case .runningVariance: return (1, 0.5)
    case .bias, .runningMean: return (0, 0.015625)
    }
  }
}
