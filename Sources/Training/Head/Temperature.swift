import Glibc

/// The temperature that turns regression scores into calibrated logits.
///
/// Scores are divided by it; the softmax of the result can be read as probabilities.
package enum Temperature {
  /// The temperature with the lowest log loss on held-out scores.
  ///
  /// If all of a few samples are classified correctly, the optimum is zero and every answer is
  /// certain. So each sample of a class of n counts as 1 / (n + 2) wrong: the rule of succession,
  /// proposed for two classes by Platt (1999). The loss is convex in the inverse temperature;
  /// bisection finds the point where its slope is zero.
  ///
  /// - Parameters:
  ///   - scores: [samples, classes], each from a model that did not see the sample.
  ///   - labels: The class of each sample.
  package static func fit(scores: [Double], labels: [Int], classes: Int) -> Double {
    precondition(scores.count == labels.count * classes && classes > 1)
    var sizes = [Int](repeating: 0, count: classes)
    for label in labels { sizes[label] += 1 }
    let doubts = sizes.map { 1 / Double($0 + 2) }
    /// The mean score under the softmax minus the mean score under the targets.
    func slope(_ inverse: Double) -> Double {
      var sum = 0.0
      for (sample, label) in labels.enumerated() {
        let own = scores[sample * classes..<(sample + 1) * classes]
        let greatest = own.max() ?? 0
        var (total, weighted, all) = (0.0, 0.0, 0.0)
        for score in own {
          let power = exp(inverse * (score - greatest))
          total += power
          weighted += power * score
          all += score
        }
        let right = own[own.startIndex + label]
        let doubt = doubts[label]
        sum += weighted / total
        sum -= (1 - doubt) * right + doubt * (all - right) / Double(classes - 1)
      }
      return sum
    }
    var (low, high) = (least, greatest)
    if slope(low) >= 0 { return 1 / low }
    for _ in 0..<60 {
      let middle = (low * high).squareRoot()
      if slope(middle) < 0 { low = middle } else { high = middle }
    }
    return 1 / low
  }

  // Bounds of the inverse temperature. The lower one is positive so that scores without information
  // still order the classes.
  private static let least = 1e-3
  private static let greatest = 1e4
}
