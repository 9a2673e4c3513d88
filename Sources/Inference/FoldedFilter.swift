import GraphIR
import Operators

extension FusedGraph.Step.Layer {
  /// Calls `body` with the layer's filter, batch norm folded in.
  ///
  /// Without a source the filter has no weights: the operator is only to be planned.
  func withFilter<Result>(
    from source: (any ParameterSource)?, _ body: (ConvolutionFilter) throws -> Result
  ) throws -> Result {
    guard let source else { return try body(.planned(channels: node.shape.channels)) }
    guard let weight = node.parameter(.weight) else {
      throw InferenceError.unsupported(node: node.name, operation: node.operation.moduleName)
    }
    defer { source.release(weight) }
    return try source.withValues(of: weight) { weights in
      let channels = node.shape.channels
      var bias = [Double](repeating: 0, count: channels)
      if let own = node.parameter(.bias) {
        bias = try source.withValues(of: own) { $0.map(Double.init) }
      }
      var filter = ConvolutionFilter(
        weights: weights, scale: [Double](repeating: 1, count: channels), bias: bias,
        nonlinearity: Nonlinearity(activation))
      if let batchNorm { try filter.fold(batchNorm, into: weight.name, from: source) }
      return try body(filter)
    }
  }
}

extension Node {
  /// Its tensor of that role.
  func parameter(_ role: Parameter.Role) -> Parameter? {
    parameters.first { $0.role == role }
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
