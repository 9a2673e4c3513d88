/// Shows which image regions support a class, as a class activation map.
///
/// The last feature map F has `channels` values at each position; the logit depends only on their
/// mean p. The gradient of the logit with respect to p, one number per channel, weights the
/// channels, and the map M = gradient · F is the contribution of each position (Zhou et al. 2016;
/// Selvaraju et al. 2017). In an EfficientNet the gradient is the class's row of the classifier,
/// and the map is exact: its mean plus the class's bias is the logit. With MobileNetV3's hidden
/// layer the gradient depends on p, and the map is a first-order approximation: see
/// `ClassActivationMap.isExact`. The same is true at lower precision, because the classifier rounds
/// p and its weights.
public final class Explainer {
  /// The network to explain.
  public let classifier: Classifier
  private let head: NetworkHead
  private let hidden: ClassFunction.Hidden?

  /// Loads weights by the name of their model, their path, or both, as `Classifier` does.
  ///
  /// - Throws: Errors of `Classifier`.
  public convenience init(
    model: Model? = nil, weights path: String? = nil, options: Classifier.Options = .init()
  ) throws {
    try self.init(
      LoadedNetwork(
        model, weights: path, limits: options.limits, usesEMA: options.usesEMA,
        overrides: options.preprocessing),
      options: options)
  }

  /// Prepares a network.
  ///
  /// - Throws: Errors of `Classifier`.
  public init(_ network: LoadedNetwork, options: Classifier.Options = .init()) throws {
    var options = options
    options.keepsFeatures = true
    classifier = try Classifier(network, options: options)
    head = network.head
    hidden = try head.hidden.map { hidden in
      ClassFunction.Hidden(
        weights: try network.values(hidden.linear, .weight),
        biases: try network.biases(of: hidden.linear), activation: hidden.activation)
    }
  }

  /// Computes the class activation map of an image.
  ///
  /// - Parameter index: The class; `nil` selects the most probable one.
  /// - Throws: `ClassifierError.nonFiniteLogit`, and `WeightsError` if the weight file changed.
  /// - Precondition: The index is one of the network's classes.
  public func explain(_ image: Image, class index: Int? = nil) throws -> ClassActivationMap {
    let ranked = try classifier.classify(image, topK: classifier.labels.count)
    let wanted = index ?? ranked[0].index
    guard let rank = ranked.firstIndex(where: { $0.index == wanted }) else {
      preconditionFailure("class \(wanted) of \(ranked.count)")
    }
    let function = try function(of: wanted)
    let session = classifier.session
    let pooled = session.output(ofNode: head.pooled.id).map(Double.init)
    let gradient = function.gradient(at: pooled)
    return ClassActivationMap(
      prediction: ranked[rank], rank: rank + 1, logit: session.logits()[wanted],
      bias: function.bias,
      isExact: hidden == nil && classifier.precision == .f32,
      map: Self.map(session.output(ofNode: head.features.id), head.features.shape, gradient),
      region: classifier.network.info.preprocessing.region(
        ofWidth: image.width, height: image.height))
  }

  /// The logit of a class as a function of the pooled features.
  package func function(of index: Int) throws -> ClassFunction {
    let network = classifier.network
    let inputs = network.graph.nodes[head.classifierInput].shape.channels
    let weights = try network.values(head.classifier, .weight)
    return ClassFunction(
      hidden: hidden, weights: Array(weights[index * inputs..<(index + 1) * inputs]),
      bias: try network.values(head.classifier, .bias)[index])
  }

  private static func map(
    _ features: [Float], _ shape: TensorShape, _ gradient: [Double]
  ) -> ActivationMap {
    ActivationMap(
      width: shape.width, height: shape.height,
      values: (0..<shape.positions).map { position in
        let start = position * shape.channels
        var sum = 0.0
        for channel in 0..<shape.channels {
          sum += Double(features[start + channel]) * gradient[channel]
        }
        return Float(sum)
      })
  }
}

/// The contribution of each image region to a class.
public struct ClassActivationMap: Sendable {
  /// The class and its probability.
  public let prediction: Prediction
  /// 1 for the most probable class, 2 for the next, and so on.
  public let rank: Int
  /// The class's logit.
  public let logit: Float
  /// The class's bias: the part of the logit that does not depend on the image.
  public let bias: Float
  /// Whether the map's mean plus the bias is the logit.
  ///
  /// Otherwise the mean is the logit's first-order part: the sum of feature times gradient.
  public let isExact: Bool
  /// The contribution of each position to the logit, times the number of positions.
  ///
  /// Negative values count against the class.
  public let map: ActivationMap
  /// The part of the upright image that the map covers, in pixels.
  public let region: ImageRegion

  /// The position of the map's largest value, in pixels of the upright image, and whether it
  /// supports the class.
  public var peak: (x: Double, y: Double, isPositive: Bool) {
    let greatest = map.greatest
    return (
      region.x + (Double(greatest.column) + 0.5) / Double(map.width) * region.width,
      region.y + (Double(greatest.row) + 0.5) / Double(map.height) * region.height,
      greatest.value > 0
    )
  }
}

/// The logit of one class as a function of the pooled features p.
///
/// Without a hidden layer, logit = w·p + b, and its gradient is w. With one, as in MobileNetV3,
/// logit = Σⱼ vⱼ·f(zⱼ) + b with z = U·p + a, and its gradient is Σⱼ vⱼ·f′(zⱼ)·Uⱼ. Here f is hard
/// swish, with the derivative 0 up to −3, (2z + 3) / 6 below 3, and 1 from there.
package struct ClassFunction: Sendable {
  /// A linear layer and its activation.
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
