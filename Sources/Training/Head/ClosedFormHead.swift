import Operators

/// A linear classifier fitted to feature vectors in closed form, with held-out logits.
package struct ClosedFormHead: Sendable {
  /// `features` values for each class; with the biases they give logits.
  package let weights: [Float]
  package let biases: [Float]
  /// The ridge penalty with the lowest squared held-out error.
  package let penalty: Double
  /// The divisor that turns the regression's scores into logits.
  package let temperature: Double
  /// [samples, classes]: logits of each sample from a head fitted without it and its group.
  ///
  /// The penalty and temperature are chosen on all samples.
  package let heldOut: [Double]

  /// Fits a head to vectors and their classes.
  ///
  /// - Parameter groups: Samples that are held out together; see `RidgeProblem`.
  /// - Throws: `ClosedFormHeadError.allAlike`, `OpenBLASError`, `LAPACKEError`.
  package init(
    vectors: [[Float]], labels: [Int], classes: Int, groups: [[Int]] = []
  ) throws {
    try CholeskyFactor.requireLibrary()
    let problem = try RidgeProblem(
      vectors: vectors, labels: labels, classes: classes, groups: groups)
    guard problem.scale.isFinite, problem.scale > 0 else { throw ClosedFormHeadError.allAlike }
    var best: (solution: RidgeSolution, error: Double)?
    for exponent in Self.penalties {
      let penalty = problem.scale * power(exponent)
      guard let solution = try problem.solve(penalty: penalty) else { continue }
      let error = solution.heldOutError(labels: labels, classes: classes)
      if error < best?.error ?? .infinity { best = (solution, error) }
    }
    guard let solution = best?.solution else { throw ClosedFormHeadError.allAlike }
    let temperature = Temperature.fit(
      scores: solution.heldOut, labels: labels, classes: classes)
    weights = solution.weights.map { Float($0 / temperature) }
    biases = solution.intercepts.map { Float($0 / temperature) }
    penalty = solution.penalty
    self.temperature = temperature
    heldOut = solution.heldOut.map { $0 / temperature }
  }

  /// Powers of √10 times the scale of the features, from 1e-4 to 1e4.
  private static let penalties = -8...8
}

/// Why no head can be fitted.
package enum ClosedFormHeadError: Error {
  /// All vectors are the same.
  case allAlike
}

extension RidgeSolution {
  /// The sum of the squared held-out errors.
  package func heldOutError(labels: [Int], classes: Int) -> Double {
    var sum = 0.0
    for (index, score) in heldOut.enumerated() {
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
