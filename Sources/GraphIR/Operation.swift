/// What a node computes.
///
/// The set is closed: code that reads a graph switches over it exhaustively.
public enum Operation: Hashable, Sendable {
  /// The normalised image.
  case input
  /// A convolution of its input.
  case convolution(Convolution)
  /// (x − mean) / √(variance + epsilon) · weight + bias, per channel.
  case batchNorm(epsilon: Double)
  /// An element-wise non-linearity.
  case activation(Activation)
  /// The sum of two inputs with the same shape: the residual connection.
  case add
  /// The mean over all positions.
  case globalAveragePool
  /// The first input times the second, a vector broadcast over positions: squeeze-excite's gate.
  case scale
  /// The mean of the first input over all positions, weighted by the softmax of the second, a score per
  /// position: global-context attention's context.
  case attentionPool
  /// (x − mean) / √(variance + epsilon) · weight + bias, over the channels of a vector.
  case layerNorm(epsilon: Double)
  /// y = x·Wᵀ + b on a vector.
  case linear
  /// Drops the whole branch for a training sample with this probability (Huang et al. 2016);
  /// the identity at inference.
  case stochasticDepth(probability: Double)
  /// Zeroes single values in training; the identity at inference.
  case dropout(probability: Double)

  /// The PyTorch module's name, for summaries.
  public var moduleName: String {
    switch self {
    case .input: "Input"
    case .convolution: "Conv2d"
    case .batchNorm: "BatchNorm2d"
    case .activation(let activation): activation.moduleName
    case .add: "Add"
    case .globalAveragePool: "AdaptiveAvgPool2d"
    case .scale: "Scale"
    case .attentionPool: "AttentionPool"
    case .layerNorm: "LayerNorm2d"
    case .linear: "Linear"
    case .stochasticDepth: "StochasticDepth"
    case .dropout: "Dropout"
    }
  }
}
