import Operators

/// A linear classifier learnt from feature vectors, and what is known of how well it does.
package struct LinearHead: Sendable {
  /// `features` values for each class; with the biases they give logits.
  package let weights: [Float]
  package let biases: [Float]
  /// The penalty of the regression, chosen for the least squared leave-one-out error.
  package let penalty: Double
  /// What the regression's scores were multiplied by to become logits.
  package let sharpness: Double
  /// [samples, classes]: logits of each sample by a head that never saw it; penalty and sharpness
  /// are those of all samples.
  package let leaveOneOut: [Double]

  /// Learns from vectors and the class of each.
  ///
  /// - Throws: `LinearHeadError.allAlike`, `OpenBLASError`, `LAPACKEError`.
  package init(vectors: [[Float]], labels: [Int], classes: Int) throws {
    try CholeskyFactor.requireLibrary()
    let problem = try RidgeProblem(vectors: vectors, labels: labels, classes: classes)
    guard problem.scale.isFinite, problem.scale > 0 else { throw LinearHeadError.allAlike }
    var best: (solution: RidgeSolution, error: Double)?
    for step in Self.penalties {
      let penalty = problem.scale * power(step)
      guard let solution = try problem.solve(penalty: penalty) else { continue }
      let error = solution.leaveOneOutError(labels: labels, classes: classes)
      if error < best?.error ?? .infinity { best = (solution, error) }
    }
    guard let solution = best?.solution else { throw LinearHeadError.allAlike }
    let sharpness = Sharpness.best(
      scores: solution.leaveOneOut, labels: labels, classes: classes)
    weights = solution.weights.map { Float(sharpness * $0) }
    biases = solution.intercepts.map { Float(sharpness * $0) }
    penalty = solution.penalty
    self.sharpness = sharpness
    leaveOneOut = solution.leaveOneOut.map { sharpness * $0 }
  }

  /// Powers of √10 times the scale of the features, from 1e-4 to 1e4.
  private static let penalties = -8...8
}

/// Why no head can be learnt.
package enum LinearHeadError: Error {
  /// The vectors do not differ.
  case allAlike
}

extension RidgeSolution {
  /// The sum of the squared leave-one-out errors.
  package func leaveOneOutError(labels: [Int], classes: Int) -> Double {
    var sum = 0.0
    for (index, score) in leaveOneOut.enumerated() {
      let error = score - (labels[index / classes] == index % classes ? 1 : 0)
      sum += error * error
    }
    return sum
  }
}

/// √10 to a whole power.
private func power(_ exponent: Int) -> Double {
  let root = 10.0.squareRoot()
  var result = 1.0
  for _ in 0..<exponent.magnitude { result *= exponent < 0 ? 1 / root : root }
  return result
}
