/// The logit of one class as a function of the pooled features p.
///
/// Without a hidden layer, logit = w·p + b, and its gradient is w. With one, in MobileNetV3,
/// logit = Σⱼ vⱼ·f(zⱼ) + b with z = U·p + a, and its gradient is Σⱼ vⱼ·f′(zⱼ)·Uⱼ: f is hard swish,
/// whose derivative is 0 up to −3, (2z + 3) / 6 up to 3, and 1 beyond.
package struct ClassFunction: Sendable {
  /// A linear layer and what is applied to its outputs.
  package struct Hidden: Sendable {
    /// U, [outputs, features].
    let weights: [Float]
    /// a, one for each output.
    let biases: [Float]
    let activation: Activation

    package init(weights: [Float], biases: [Float], activation: Activation) {
      (self.weights, self.biases, self.activation) = (weights, biases, activation)
    }
  }

  private let hidden: Hidden?
  /// The class's row of the classifier.
  private let weights: [Float]
  /// The class's bias.
  package let bias: Float

  package init(hidden: Hidden?, weights: [Float], bias: Float) {
    (self.hidden, self.weights, self.bias) = (hidden, weights, bias)
  }

  /// The logit.
  package func value(at pooled: [Double]) -> Double {
    let inputs =
      hidden.map { hidden in hidden.sums(pooled).map { hidden.activation.value(at: $0) } } ?? pooled
    return zip(weights, inputs).reduce(Double(bias)) { $0 + Double($1.0) * $1.1 }
  }

  /// Its gradient, one value for each feature.
  package func gradient(at pooled: [Double]) -> [Double] {
    guard let hidden else { return weights.map(Double.init) }
    var gradient = [Double](repeating: 0, count: pooled.count)
    for (output, sum) in hidden.sums(pooled).enumerated() {
      let factor = Double(weights[output]) * hidden.activation.derivative(at: sum)
      if factor == 0 { continue }
      let row = output * pooled.count
      for feature in pooled.indices {
        gradient[feature] += factor * Double(hidden.weights[row + feature])
      }
    }
    return gradient
  }
}

extension ClassFunction.Hidden {
  /// z = U·p + a.
  fileprivate func sums(_ pooled: [Double]) -> [Double] {
    biases.enumerated().map { output, bias in
      var sum = Double(bias)
      let row = output * pooled.count
      for feature in pooled.indices { sum += Double(weights[row + feature]) * pooled[feature] }
      return sum
    }
  }
}
