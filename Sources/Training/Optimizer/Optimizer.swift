/// How gradients change parameters.
///
/// Weight decay is `TrainingConfiguration.weightDecay`: part of the gradient for SGD and RMSProp, apart
/// from it for AdamW.
public enum Optimizer: Hashable, Sendable {
  /// Stochastic gradient descent with momentum, as PyTorch's `SGD`: v ← momentum · v + g, then
  /// w ← w − rate · v, or w ← w − rate · (g + momentum · v) with Nesterov's (Sutskever et al. 2013).
  case sgd(momentum: Double = 0.9, isNesterov: Bool = true)
  /// RMSProp as TensorFlow computes it, which the EfficientNets and MobileNetV3 were trained with; timm's
  /// `RMSpropTF`.
  ///
  /// s ← decay · s + (1 − decay) · g², v ← momentum · v + rate · g / √(s + epsilon), w ← w − v. s starts
  /// at 1.
  case rmsProp(decay: Double = 0.9, momentum: Double = 0.9, epsilon: Double = 1e-3)
  /// Adam with decoupled weight decay, as PyTorch's `AdamW` (Loshchilov & Hutter 2019,
  /// arXiv 1711.05101).
  ///
  /// m ← β₁m + (1 − β₁)g and s ← β₂s + (1 − β₂)g² start at 0, which factors of 1 / (1 − βᵢⁿ) correct in
  /// step n; w ← (1 − rate · weight decay) · w − rate · m / (√s + epsilon).
  case adamW(beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8)

  /// What each of its buffers starts with; there is one float for each parameter in every buffer.
  package var initialStates: [Float] {
    switch self {
    case .sgd: [0]
    case .rmsProp: [1, 0]
    case .adamW: [0, 0]
    }
  }

  /// Whether it averages the gradients' squares.
  package var squaresGradients: Bool {
    switch self {
    case .sgd: false
    case .rmsProp, .adamW: true
    }
  }
}
