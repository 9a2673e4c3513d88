import Operators

/// Ridge regression of one-hot targets on feature vectors, solved in closed form.
///
/// With centred features X (n samples × d), centred targets Y and a penalty λ > 0, the weights are
/// W = (XᵀX + λI)⁻¹ XᵀY; the intercept, not penalised, follows from the means. Everything that does
/// not depend on λ is computed once, so that many penalties can be tried.
package struct RidgeProblem: Sendable {
  /// Samples, features, classes.
  package let samples: Int
  package let features: Int
  package let classes: Int
  /// The class of each sample.
  package let labels: [Int]

  /// The features' means over the samples.
  private let means: [Double]
  /// [samples, features], the means subtracted.
  private let centred: [Double]
  /// XᵀX, the lower triangle by columns.
  private let gram: [Double]
  /// XᵀY by columns: `features` values for each class.
  private let moments: [Double]
  /// The share of the samples that each class has.
  private let shares: [Double]
  private let products: MatrixProducts

  /// - Parameters:
  ///   - vectors: A finite feature vector for each sample, all of one length.
  ///   - labels: The class of each, from 0 to below `classes`.
  /// - Throws: `OpenBLASError`.
  package init(vectors: [[Float]], labels: [Int], classes: Int) throws(OpenBLASError) {
    precondition(!vectors.isEmpty && vectors.count == labels.count)
    let features = vectors[0].count
    precondition(vectors.allSatisfy { $0.count == features })
    precondition(labels.allSatisfy { (0..<classes).contains($0) })
    let count = Double(vectors.count)
    var means = [Double](repeating: 0, count: features)
    for vector in vectors {
      for index in 0..<features { means[index] += Double(vector[index]) / count }
    }
    var centred: [Double] = []
    centred.reserveCapacity(vectors.count * features)
    for vector in vectors {
      for index in 0..<features { centred.append(Double(vector[index]) - means[index]) }
    }
    // As the features sum to zero, centring the targets would not change a moment.
    var moments = [Double](repeating: 0, count: features * classes)
    var shares = [Double](repeating: 0, count: classes)
    for (sample, label) in labels.enumerated() {
      shares[label] += 1 / count
      for index in 0..<features {
        moments[label * features + index] += centred[sample * features + index]
      }
    }
    products = try MatrixProducts()
    gram = products.gram(centred, columns: features)
    (self.samples, self.features, self.classes) = (vectors.count, features, classes)
    (self.labels, self.means, self.centred) = (labels, means, centred)
    (self.moments, self.shares) = (moments, shares)
  }

  /// The mean of the eigenvalues of XᵀX that need not be zero: what a penalty is small or large to.
  ///
  /// Zero where all samples are alike.
  package var scale: Double {
    let trace = (0..<features).reduce(0) { $0 + gram[$1 * features + $1] }
    return trace / Double(max(1, min(samples - 1, features)))
  }

  /// The solution for one penalty; `nil` where rounding leaves none.
  ///
  /// - Throws: `LAPACKEError`.
  package func solve(penalty: Double) throws(LAPACKEError) -> RidgeSolution? {
    var matrix = gram
    for index in 0..<features { matrix[index * features + index] += penalty }
    guard let factor = try CholeskyFactor(of: matrix, size: features) else { return nil }
    var weights = moments
    factor.solve(&weights)
    var intercepts = shares
    for label in 0..<classes {
      for index in 0..<features {
        intercepts[label] -= weights[label * features + index] * means[index]
      }
    }
    let leverages = leverages(factor)
    guard leverages.allSatisfy({ $0.isFinite && $0 < 1 - 1e-9 }) else { return nil }
    return RidgeSolution(
      penalty: penalty, weights: weights, intercepts: intercepts,
      leaveOneOut: leaveOneOut(weights, leverages: leverages))
  }

  /// The diagonal of the hat matrix: 1/n + xᵢᵀ (XᵀX + λI)⁻¹ xᵢ.
  private func leverages(_ factor: CholeskyFactor) -> [Double] {
    var result: [Double] = []
    result.reserveCapacity(samples)
    // Some samples at a time: the solutions for all would be a second copy of the features.
    for first in stride(from: 0, to: samples, by: Self.block) {
      let range = first * features..<min(first + Self.block, samples) * features
      var solved = Array(centred[range])
      factor.solve(&solved)
      for sample in 0..<range.count / features {
        let start = sample * features
        var sum = 1 / Double(samples)
        for index in start..<start + features {
          sum += solved[index] * centred[range.lowerBound + index]
        }
        result.append(sum)
      }
    }
    return result
  }

  private static let block = 1024

  /// What each sample's scores would be, had it not been there: for a linear smoother with the hat
  /// matrix H, yᵢ − (yᵢ − ŷᵢ) / (1 − Hᵢᵢ), and so without a single further fit.
  private func leaveOneOut(_ weights: [Double], leverages: [Double]) -> [Double] {
    var byFeature = [Double](repeating: 0, count: features * classes)
    for label in 0..<classes {
      for index in 0..<features {
        byFeature[index * classes + label] = weights[label * features + index]
      }
    }
    var scores = products.product(
      centred, byFeature, rows: samples, depth: features, columns: classes)
    for sample in 0..<samples {
      for label in 0..<classes {
        let target = labels[sample] == label ? 1.0 : 0
        let fitted = scores[sample * classes + label] + shares[label]
        scores[sample * classes + label] =
          target - (target - fitted) / (1 - leverages[sample])
      }
    }
    return scores
  }
}

/// What ridge regression found for one penalty.
package struct RidgeSolution: Sendable {
  /// λ.
  package let penalty: Double
  /// `features` values for each class.
  package let weights: [Double]
  /// One for each class.
  package let intercepts: [Double]
  /// [samples, classes]: the scores that a fit without the sample gives it, near 1 for its class.
  package let leaveOneOut: [Double]
}
