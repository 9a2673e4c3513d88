import Training

/// A network with a classifier fitted to a user's images.
///
/// Ridge regression of 0/1 targets on the features, with an intercept, gives each class a score. Of
/// 17 penalties, the one with the lowest squared leave-one-out error is used; the hat matrix gives
/// this error exactly, without refitting. The scores are divided by the temperature with the lowest
/// leave-one-out log loss, so that the softmax gives probabilities. Copies of an image are left out
/// together, so that no image is classified by a head that was fitted to its copies.
public struct TrainedHead: Sendable {
  /// The network whose features the classifier reads.
  public let network: LoadedNetwork
  /// The precision at which the features were computed.
  public let precision: Precision
  /// The classes' names.
  public let labels: Labels
  /// The class of each image, in the order the images were added.
  public let classes: [Int]
  /// Images that are copies of each other; each group was held out as a whole.
  public let duplicates: [DuplicateFinder.Group]
  /// The results for each image of a head fitted without it and its copies.
  ///
  /// The penalty and temperature are chosen on all images.
  public let heldOut: Evaluation
  /// The chosen ridge penalty.
  public var penalty: Double { head.penalty }
  /// The divisor of the scores.
  public var temperature: Double { head.temperature }

  private let head: ClosedFormHead

  init(
    network: LoadedNetwork, precision: Precision, labels: Labels, head: ClosedFormHead,
    classes: [Int],
    duplicates: [DuplicateFinder.Group]
  ) {
    (self.network, self.precision) = (network, precision)
    (self.labels, self.head, self.classes) = (labels, head, classes)
    self.duplicates = duplicates
    var heldOut = Evaluation(classCount: labels.count)
    for (image, truth) in classes.enumerated() {
      let start = image * labels.count
      let logits = head.heldOut[start..<start + labels.count].map { Float($0) }
      let probabilities = Prediction.softmax(logits)
      let order = logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }
      heldOut.add(truth: truth, ranking: order.map { ($0, probabilities[$0]) })
    }
    self.heldOut = heldOut
  }

  /// Groups of copies that belong to more than one class.
  public var conflicts: [DuplicateFinder.Group] {
    duplicates.filter { group in group.images.contains { classes[$0] != classes[group.images[0]] } }
  }

  /// The number of correct held-out predictions.
  public var correct: Int { heldOut.correct(inTop: 1) }

  /// The classifier's values by the names of the graph's parameters, as PyTorch orders them.
  var classifierValues: [String: [Float]] {
    var values: [String: [Float]] = [:]
    for parameter in network.head.classifier.parameters {
      values[parameter.name] = parameter.role == .weight ? head.weights : head.biases
    }
    return values
  }

  /// Writes an ordinary weight file, atomically.
  ///
  /// It contains all tensors of the network, with the new classifier in place of the old one, and
  /// labels and preprocessing in the metadata.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  public func write(to path: String) throws {
    try network.verifyValues()
    var info = network.info
    info.labels = labels
    info.activation = .softmax
    info.featurePrecision = precision
    info.source = "a classifier of \(labels.count) classes on " + (info.source ?? "features")
    var writer = SafetensorsWriter(metadata: network.file.metadata.merging(info.metadata) { $1 })
    // The layers of the head may be missing in the file.
    let layers = [network.head.hidden?.linear, network.head.classifier].compactMap(\.self)
    let classifier = Set(layers.suffix(1).flatMap(\.parameters).compactMap(network.fileName))
    var names: Set<String> = []
    for (name, tensor) in network.namedTensors where !classifier.contains(name) {
      writer.append(tensor, name: name)
      names.insert(name)
    }
    for layer in layers {
      for parameter in layer.parameters {
        guard let name = network.fileName(of: parameter), !names.contains(name) else { continue }
        guard let values = classifierValues[parameter.name] else {
          let values = try network.values(layer, parameter.role)
          writer.append(name: name, shape: parameter.shape, values: values)
          continue
        }
        let shape =
          [labels.count] + (parameter.role == .weight ? [values.count / labels.count] : [])
        writer.append(name: name, shape: shape, values: values)
      }
    }
    try network.file.verifyUnchanged()
    try writer.write(to: path)
  }
}
