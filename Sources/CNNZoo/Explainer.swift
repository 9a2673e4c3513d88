/// Shows where in an image a network found what speaks for a class.
///
/// The last feature map F has `channels` values at each of its positions, of which the logit only
/// sees the mean p. So the logit's gradient in p, one number for each channel, weighs the channels,
/// and the map M = gradient · F says how much each position adds (Zhou et al. 2016; Selvaraju et al.
/// 2017). In an EfficientNet the gradient is the class's row of the classifier, and the map is exact:
/// its mean plus the class's bias is the logit. Behind MobileNetV3's hidden layer the gradient
/// changes with p, and the map is the first-order part: see `ClassActivationMap.isExact`.
public final class Explainer {
  /// The network that is explained.
  public let classifier: Classifier
  private let head: NetworkHead
  private let hidden: ClassFunction.Hidden?

  /// Loads the weights of a model.
  ///
  /// - Throws: what `Classifier` throws.
  public init(
    model: Model, weights path: String? = nil, options: Classifier.Options = .init()
  ) throws {
    var options = options
    options.keepsFeatures = true
    classifier = try Classifier(model: model, weights: path, options: options)
    let network = classifier.network
    head = network.head
    hidden = try head.hidden.map { hidden in
      ClassFunction.Hidden(
        weights: try network.values(hidden.linear, .weight),
        biases: try network.values(hidden.linear, .bias), activation: hidden.activation)
    }
  }

  /// What in `image` speaks for a class.
  ///
  /// - Parameter index: The class; `nil` means the most probable one.
  /// - Throws: `ClassifierError.nonFiniteLogit`, and `WeightsError` where the weight file changed.
  /// - Precondition: the index is one of the network's.
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
      bias: function.bias, isExact: hidden == nil,
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

/// What speaks for one class in an image, and where.
public struct ClassActivationMap: Sendable {
  /// The class and its probability.
  public let prediction: Prediction
  /// 1 for the most probable class, 2 for the next, and so on.
  public let rank: Int
  /// The class's logit.
  public let logit: Float
  /// The class's bias: the part of the logit that depends on no image.
  public let bias: Float
  /// Whether the map's mean plus the bias is the logit.
  ///
  /// Otherwise the mean is the first-order part of it: the sum of feature times gradient.
  public let isExact: Bool
  /// What each position adds to the logit, times the number of positions; negative where it speaks
  /// against the class.
  public let map: ActivationMap
  /// The part of the upright image that the map covers, in pixels.
  public let region: ImageRegion

  /// The middle of the map's greatest value in pixels of the upright image, and whether anything
  /// speaks for the class at all.
  public var peak: (x: Double, y: Double, isPositive: Bool) {
    let greatest = map.greatest
    return (
      region.x + (Double(greatest.column) + 0.5) / Double(map.width) * region.width,
      region.y + (Double(greatest.row) + 0.5) / Double(map.height) * region.height,
      greatest.value > 0
    )
  }
}
