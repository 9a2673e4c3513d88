import GraphIR

/// Settings shared by all blocks of a network.
struct BlockStyle {
  var padding: Padding
  /// The epsilon that batch norm adds to the variance.
  var epsilon: Double
  /// The probability of dropping the last block's branch in training.
  var stochasticDepth: Double
  /// The probability of dropout before the classifier; `nil` for the family's own.
  var dropout: Double?

  init(_ configuration: ModelConfiguration) {
    padding = configuration.padding
    epsilon = configuration.epsilon
    stochasticDepth = configuration.stochasticDepth
    dropout = configuration.dropout
  }
}

extension GraphBuilder {
  /// Convolution without bias, batch norm, activation: torchvision's `Conv2dNormActivation`.
  mutating func convolutionBlock(
    _ input: Value, _ name: String, channels: Int, kernel: Int, stride: Int = 1, groups: Int = 1,
    activation: Activation?, role: NodeRole, style: BlockStyle
  ) -> Value {
    scope(name, kind: "Conv2dNormActivation", role: role) { builder in
      var x = builder.convolution(
        input, "0", channels: channels,
        Convolution(
          kernel: kernel, stride: stride, padding: style.padding, groups: groups, hasBias: false))
      x = builder.batchNorm(x, "1", epsilon: style.epsilon)
      return activation.map { builder.activation(x, "2", $0) } ?? x
    }
  }

  /// Squeeze-excite: pool, reduce to `squeezed` channels, restore, gate (arXiv 1709.01507).
  mutating func squeezeExcite(
    _ input: Value, _ name: String, squeezed: Int, inner: Activation, gate: Activation
  ) -> Value {
    scope(name, kind: "SqueezeExcitation") { builder in
      // A 1×1 convolution of one position: padding is never used.
      let dense = Convolution(kernel: 1, padding: .symmetric, hasBias: true)
      var s = builder.globalAveragePool(input, "avgpool", role: .squeeze)
      s = builder.convolution(s, "fc1", channels: squeezed, dense, role: .reduce)
      s = builder.activation(s, "activation", inner, role: .reduce)
      s = builder.convolution(s, "fc2", channels: input.shape.channels, dense, role: .excite)
      s = builder.activation(s, "scale_activation", gate, role: .excite)
      return builder.scale(input, by: s)
    }
  }
}

extension GraphBuilder {
  /// Global context attention, in the place of squeeze-excite: the mean over positions is weighted by
  /// the softmax of learnt scores, and the inner layer is normalised (GCNet, arXiv 1904.11492, figure
  /// 4d, with a gate instead of a sum).
  mutating func globalContext(
    _ input: Value, _ name: String, squeezed: Int, inner: Activation
  ) -> Value {
    scope(name, kind: "GlobalContext") { builder in
      let dense = Convolution(kernel: 1, padding: .symmetric, hasBias: true)
      let scores = builder.convolution(input, "conv_attn", channels: 1, dense, role: .attention)
      var s = builder.attentionPool(input, scores: scores, "context")
      s = builder.convolution(s, "fc1", channels: squeezed, dense, role: .reduce)
      s = builder.layerNorm(s, "norm", epsilon: 1e-6, role: .reduce)
      s = builder.activation(s, "activation", inner, role: .reduce)
      s = builder.convolution(s, "fc2", channels: input.shape.channels, dense, role: .excite)
      s = builder.activation(s, "gate", .sigmoid, role: .excite)
      return builder.scale(input, by: s)
    }
  }
}

/// The multiple of `divisor` nearest to `value`, but at least `divisor` and `least` times `value`
/// (MobileNetV3's reference code; torchvision's `_make_divisible`).
package func makeDivisible(_ value: Double, by divisor: Int = 8, least: Double = 0.9) -> Int {
  let rounded = max(divisor, Int(value + Double(divisor) / 2) / divisor * divisor)
  return Double(rounded) < least * value ? rounded + divisor : rounded
}
