import Glibc

extension Activation {
  /// The function itself, for what is computed once and not for every position.
  public func value(at x: Double) -> Double {
    switch self {
    case .relu: max(x, 0)
    case .relu6: min(max(x, 0), 6)
    case .hardSwish: x * min(max(x + 3, 0), 6) / 6
    case .hardSigmoid: min(max(x + 3, 0), 6) / 6
    case .silu: x / (1 + exp(-x))
    case .sigmoid: 1 / (1 + exp(-x))
    }
  }

  /// Its derivative; at a kink, that of the left side.
  public func derivative(at x: Double) -> Double {
    switch self {
    case .relu: x > 0 ? 1 : 0
    case .relu6: x > 0 && x <= 6 ? 1 : 0
    case .hardSwish: x <= -3 ? 0 : x <= 3 ? (2 * x + 3) / 6 : 1
    case .hardSigmoid: x > -3 && x <= 3 ? 1 / 6 : 0
    case .silu:
      Activation.sigmoid.value(at: x) * (1 + x * (1 - Activation.sigmoid.value(at: x)))
    case .sigmoid: value(at: x) * (1 - value(at: x))
    }
  }
}
