/// An element-wise non-linearity, in the exact form the reference implementations compute.
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

  /// The name of the PyTorch module that computes it, for summaries.
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
