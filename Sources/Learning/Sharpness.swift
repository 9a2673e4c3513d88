import Glibc

/// The factor that turns a regression's scores into logits whose softmax can be read as
/// probabilities: an inverse temperature.
package enum Sharpness {
  /// The factor of least log loss on scores of samples that the scores' maker did not see.
  ///
  /// Few samples that are all right would make it infinite, and every answer certain. So a sample of
  /// a class of n counts as 1 / (n + 2) wrong, the rule of succession, as Platt (1999) proposes for
  /// two classes. The loss is convex in the factor; bisection finds where its slope is zero.
  ///
  /// - Parameters:
  ///   - scores: [samples, classes].
  ///   - labels: The class of each sample.
  package static func best(scores: [Double], labels: [Int], classes: Int) -> Double {
    precondition(scores.count == labels.count * classes && classes > 1)
    var sizes = [Int](repeating: 0, count: classes)
    for label in labels { sizes[label] += 1 }
    let doubts = sizes.map { 1 / Double($0 + 2) }
    /// The mean score under the softmax, less that under the targets.
    func slope(_ factor: Double) -> Double {
      var sum = 0.0
      for (sample, label) in labels.enumerated() {
        let own = scores[sample * classes..<(sample + 1) * classes]
        let greatest = own.max() ?? 0
        var (total, weighted, all) = (0.0, 0.0, 0.0)
        for score in own {
          let power = exp(factor * (score - greatest))
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
    if slope(low) >= 0 { return low }
    for _ in 0..<60 {
      let middle = (low * high).squareRoot()
      if slope(middle) < 0 { low = middle } else { high = middle }
    }
    return low
  }

  /// Scores that say nothing still order the classes.
  private static let least = 1e-3
  private static let greatest = 1e4
}
