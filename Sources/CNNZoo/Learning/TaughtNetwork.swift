import Glibc
import Learning

/// A network with a classifier that was learnt from a user's pictures.
///
/// Ridge regression of 0/1 targets on the features, with an intercept, gives each class a score. The
/// penalty is the one of least squared leave-one-out error among 17, which the hat matrix gives
/// exactly for each without a further fit. The scores are then multiplied by one number, that of
/// least log loss on the leave-one-out scores, so that the softmax answers probabilities.
public struct TaughtNetwork: Sendable {
  /// The network whose features the classifier reads.
  public let network: LoadedNetwork
  /// The classes' names.
  public let labels: Labels
  /// The class of each picture, in the order in which they were shown.
  public let classes: [Int]
  /// What the classifier answers to each picture when it learns from all others; penalty and scale
  /// of the scores are those chosen with all.
  public let heldOut: [Prediction]
  /// The mean negative logarithm of the probability that held-out pictures' classes got.
  public let heldOutLogLoss: Double
  /// The chosen penalty.
  public var penalty: Double { head.penalty }
  /// What scores were multiplied by.
  public var sharpness: Double { head.sharpness }

  private let head: LinearHead

  init(network: LoadedNetwork, labels: Labels, head: LinearHead, classes: [Int]) {
    (self.network, self.labels, self.head, self.classes) = (network, labels, head, classes)
    var loss = 0.0
    heldOut = classes.indices.map { picture in
      let start = picture * labels.count
      let logits = head.leaveOneOut[start..<start + labels.count].map { Float($0) }
      let probabilities = Prediction.softmax(logits)
      loss -= log(max(probabilities[classes[picture]], .leastNormalMagnitude))
      let best = logits.indices.max { (logits[$0], $1) < (logits[$1], $0) } ?? 0
      return Prediction(index: best, label: labels[best], probability: probabilities[best])
    }
    heldOutLogLoss = loss / Double(classes.count)
  }

  /// Pictures of each class by what they were taken for when held out: `confusion[class][answer]`.
  public var confusion: [[Int]] {
    var table = [[Int]](
      repeating: [Int](repeating: 0, count: labels.count), count: labels.count)
    for (index, answer) in zip(classes, heldOut) { table[index][answer.index] += 1 }
    return table
  }

  /// Pictures whose held-out answer is their class.
  public var correct: Int { zip(classes, heldOut).count { $0 == $1.index } }

  /// The mean probability of the held-out answers: near the share of correct ones where
  /// probabilities can be trusted.
  public var confidence: Double {
    heldOut.reduce(0) { $0 + $1.probability } / Double(heldOut.count)
  }

  /// Writes an ordinary weight file, complete or not at all: all tensors of the network, the new
  /// classifier in place of the old, labels and recipe in the metadata.
  ///
  /// - Throws: `InferenceError.badParameter`, `WeightsError`.
  public func write(to path: String) throws {
    try network.verifyValues()
    let classifier = network.head.classifier
    let weight = network.fileName(of: classifier, .weight)
    let bias = network.fileName(of: classifier, .bias)
    let features = head.weights.count / labels.count
    var facts = network.facts
    facts.labels = labels
    facts.source = "a classifier of \(labels.count) classes on " + (facts.source ?? "features")
    var writer = SafetensorsWriter(
      metadata: network.file.metadata.merging(facts.metadata(for: network.model)) { $1 })
    for tensor in network.file.tensors {
      switch tensor.name {
      case weight:
        writer.append(name: tensor.name, shape: [labels.count, features], values: head.weights)
      case bias: writer.append(name: tensor.name, shape: [labels.count], values: head.biases)
      default: writer.append(tensor)
      }
    }
    try network.file.verifyUnchanged()
    try writer.write(to: path)
  }
}
