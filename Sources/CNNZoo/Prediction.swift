import Glibc

/// A class predicted for an image.
public struct Prediction: Sendable, Equatable {
  /// The class's index among the network's outputs.
  public let index: Int
  /// The class's name.
  public let label: String
  /// The probability of the class, 0…1; without an activation, its logit.
  public let probability: Double

  /// A class with its name and probability.
  public init(index: Int, label: String, probability: Double) {
    self.index = index
    self.label = label
    self.probability = probability
  }

  /// The `topK` classes with the largest logits, best first; ties are ordered by index.
  ///
  /// - Parameters:
  ///   - logits: One value per class.
  ///   - labels: One name per class.
  ///   - topK: The maximum number of classes; values above the number of classes mean all.
  ///   - activation: Turns the logits into probabilities; does not change the order.
  /// - Throws: `ClassifierError.nonFiniteLogit` if a logit is NaN or infinite.
  public static func ranked(
    logits: [Float], labels: Labels, topK: Int, activation: OutputActivation = .softmax
  ) throws(ClassifierError) -> [Prediction] {
    precondition(labels.count == logits.count, "one label per class")
    if let index = logits.firstIndex(where: { !$0.isFinite }) {
      throw .nonFiniteLogit(index: index)
    }
    let probabilities =
      switch activation {
      case .softmax: softmax(logits)
      case .sigmoid: logits.map { 1 / (1 + exp(-Double($0))) }
      case .identity: logits.map { Double($0) }
      }
    return best(max(topK, 0), of: logits).map {
      Prediction(index: $0, label: labels[$0], probability: probabilities[$0])
    }
  }

  /// The indices of the largest logits in their order.
  ///
  /// Logits are compared because probabilities far below the best one all round to zero.
  private static func best(_ count: Int, of logits: [Float]) -> [Int] {
    // Finding a few of a thousand classes is faster than sorting all of them.
    guard count > 0, count <= 16 else {
      return Array(logits.indices.sorted { (logits[$1], $0) < (logits[$0], $1) }.prefix(count))
    }
    var best: [Int] = []
    for index in logits.indices {
      if best.count == count {
        guard logits[index] > logits[best[count - 1]] else { continue }
        best.removeLast()
      }
      best.insert(index, at: best.firstIndex { logits[$0] < logits[index] } ?? best.count)
    }
    return best
  }

  /// e^xᵢ / Σ e^xⱼ in Double; the largest logit is subtracted first to prevent overflow.
  static func softmax(_ logits: [Float]) -> [Double] {
    let greatest = Double(logits.max() ?? 0)
    let powers = logits.map { exp(Double($0) - greatest) }
    let sum = powers.reduce(0, +)
    return powers.map { $0 / sum }
  }
}

/// Why one image, or any image, cannot be classified.
public enum ClassifierError: Error, Equatable, Sendable {
  /// A softmax was requested for a network with a single output.
  case softmaxOfOneOutput
  /// A logit is NaN or infinite: the weights or the input are damaged.
  ///
  /// `layer` is the first layer with non-finite output, if known.
  case nonFiniteLogit(index: Int, layer: String? = nil)
}

extension ClassifierError: CustomStringConvertible {
  /// One line: what is wrong and what to do.
  public var description: String {
    switch self {
    case .softmaxOfOneOutput:
      "the softmax of a single output is always 1; use sigmoid or none"
    case .nonFiniteLogit(let index, let layer):
      "the logit of class \(index) is not a finite number"
        + (layer.map { ", nor is the output of \($0)" } ?? "")
        + "; the weights or the input are damaged"
    }
  }
}
