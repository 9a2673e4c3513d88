import Glibc

/// An element-wise nonlinearity, in exactly the form that the reference implementations compute.
public enum Activation: String, Hashable, Sendable, CaseIterable {
  /// max(x, 0)
  case relu
  /// min(max(x, 0), 6)
  case relu6
  /// x · min(max(x + 3, 0), 6) / 6 (MobileNetV3, section 5.2)
  case hardSwish
  /// min(max(x + 3, 0), 6) / 6
  case hardSigmoid
  /// x / (1 + e⁻ˣ), also called swish
  case silu
  /// 1 / (1 + e⁻ˣ)
  case sigmoid

  /// The PyTorch module's name, for summaries.
  public var moduleName: String {
    switch self {
    case .relu: "ReLU"
    case .relu6: "ReLU6"
    case .hardSwish: "Hardswish"
    case .hardSigmoid: "Hardsigmoid"
    case .silu: "SiLU"
    case .sigmoid: "Sigmoid"
    }
  }
}

extension Activation {
  /// The function itself, for values computed once rather than at every position.
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

  /// Its derivative; at a kink, PyTorch's.
  public func derivative(at x: Double) -> Double {
    switch self {
    case .relu: x > 0 ? 1 : 0
    case .relu6: x > 0 && x < 6 ? 1 : 0
    case .hardSwish: x <= -3 ? 0 : x < 3 ? (2 * x + 3) / 6 : 1
    case .hardSigmoid: x > -3 && x < 3 ? 1 / 6 : 0
    case .silu:
      Activation.sigmoid.value(at: x) * (1 + x * (1 - Activation.sigmoid.value(at: x)))
    case .sigmoid: value(at: x) * (1 - value(at: x))
    }
  }
}
