import GraphIR
import Operators

extension FusedGraph.Step.Layer {
  /// Calls `body` with the layer's filter, batch norm folded in.
  ///
  /// Folding is done in Double: w' = w · γ / √(σ² + ε), b' = (b − μ) · γ / √(σ² + ε) + β. Without a
  /// source the filter has no weights: the operator is only to be planned.
  func withFilter<Result>(
    from source: (any ParameterSource)?, _ body: (ConvolutionFilter) throws -> Result
  ) throws -> Result {
    guard let source else { return try body(.planned(channels: node.shape.channels)) }
    func values(_ node: Node, _ role: Parameter.Role) throws -> [Double]? {
      guard let parameter = node.parameters.first(where: { $0.role == role }) else { return nil }
      return try source.withValues(of: parameter) { $0.map(Double.init) }
    }
    let channels = node.shape.channels
    var scale = [Double](repeating: 1, count: channels)
    var bias = try values(node, .bias) ?? [Double](repeating: 0, count: channels)
    if let batchNorm, case .batchNorm(let epsilon) = batchNorm.operation,
      let gamma = try values(batchNorm, .weight), let beta = try values(batchNorm, .bias),
      let mean = try values(batchNorm, .runningMean),
      let variance = try values(batchNorm, .runningVariance)
    {
      for channel in 0..<channels {
        scale[channel] = gamma[channel] / (variance[channel] + epsilon).squareRoot()
        bias[channel] = (bias[channel] - mean[channel]) * scale[channel] + beta[channel]
      }
    }
    guard let weight = node.parameters.first(where: { $0.role == .weight }) else {
      throw InferenceError.unsupported(node: node.name, operation: node.operation.moduleName)
    }
    defer { source.release(weight) }
    return try source.withValues(of: weight) { weights in
      try body(
        ConvolutionFilter(
          weights: weights, scale: scale, bias: bias,
          nonlinearity: Nonlinearity(activation)))
    }
  }
}

extension Nonlinearity {
  /// The kernels' word for a graph's activation.
  init(_ activation: Activation?) {
    self =
      switch activation {
      case nil: .identity
      case .relu: .relu
      case .relu6: .relu6
      case .hardSwish: .hardSwish
      case .hardSigmoid: .hardSigmoid
      case .silu: .silu
      case .sigmoid: .sigmoid
      }
  }
}
