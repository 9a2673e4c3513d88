import Operators

/// Ridge regression of one-hot targets on feature vectors, solved in closed form.
///
/// With centred features X (n samples × d), centred targets Y and a penalty λ > 0, the weights are
/// W = (XᵀX + λI)⁻¹ XᵀY; the intercept, which is not penalised, follows from the means. Everything
/// that does not depend on λ is computed once, so that many penalties can be tried.
package struct RidgeProblem: Sendable {
  /// Samples, features, classes.
  package let samples: Int
  package let features: Int
  package let classes: Int
  /// The class of each sample.
  package let labels: [Int]
  /// The groups of two or more samples that are held out together.
  private let groups: [[Int]]

  /// The features' means over the samples.
  private let means: [Double]
  /// [samples, features], with the means subtracted.
  private let centred: [Double]
  /// XᵀX, the lower triangle by columns.
  private let gram: [Double]
  /// XᵀY by columns: `features` values for each class.
  private let moments: [Double]
  /// The share of samples in each class.
  private let shares: [Double]
  private let products: MatrixProducts

  /// - Parameters:
  ///   - vectors: A finite feature vector for each sample, all of one length.
  ///   - labels: The class of each, from 0 to below `classes`.
  ///   - groups: Disjoint groups of samples to hold out together, such as copies of one image; all
  ///     other samples are held out one by one.
  /// - Throws: `OpenBLASError`.
  package init(
    vectors: [[Float]], labels: [Int], classes: Int, groups: [[Int]] = []
  ) throws(OpenBLASError) {
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
    // Because the features sum to zero, centring the targets would not change the moments.
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
    self.groups = groups.filter { $0.count > 1 }
    (self.moments, self.shares) = (moments, shares)
  }

  /// The scale of penalties: the mean of the eigenvalues of XᵀX that need not be zero.
  ///
  /// Zero if all samples are identical.
  package var scale: Double {
    let trace = (0..<features).reduce(0) { $0 + gram[$1 * features + $1] }
    return trace / Double(max(1, min(samples - 1, features)))
  }

  /// The solution for one penalty; `nil` if there is none because of rounding.
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
    var heldOut = fittedScores(weights)
    guard holdOutSingles(&heldOut, factor), try holdOutGroups(&heldOut, factor) else { return nil }
    return RidgeSolution(
      penalty: penalty, weights: weights, intercepts: intercepts, heldOut: heldOut)
  }

  /// [samples, classes]: the scores of the samples that the weights were fitted to.
  private func fittedScores(_ weights: [Double]) -> [Double] {
    var byFeature = [Double](repeating: 0, count: features * classes)
    for label in 0..<classes {
      for index in 0..<features {
        byFeature[index * classes + label] = weights[label * features + index]
      }
    }
    var scores = products.product(
      centred, byFeature, rows: samples, depth: features, columns: classes)
    for index in scores.indices { scores[index] += shares[index % classes] }
    return scores
  }

  private func target(_ sample: Int, _ label: Int) -> Double { labels[sample] == label ? 1 : 0 }

  /// Replaces the fitted scores ŷ of samples without a group with those of a fit without the
  /// sample.
  ///
  /// For a linear smoother with the hat matrix H, these are y − (y − ŷ) / (1 − H), so no refitting
  /// is needed.
  ///
  /// False if rounding makes that impossible.
  private func holdOutSingles(_ scores: inout [Double], _ factor: CholeskyFactor) -> Bool {
    let grouped = Set(groups.joined())
    // Some samples at a time, because the solutions for all would be a second copy of the features.
    for first in stride(from: 0, to: samples, by: Self.block) {
      let range = first * features..<min(first + Self.block, samples) * features
      var solved = Array(centred[range])
      factor.solve(&solved)
      for offset in 0..<range.count / features where !grouped.contains(first + offset) {
        let sample = first + offset
        var leverage = 1 / Double(samples)
        for index in 0..<features {
          leverage += solved[offset * features + index] * centred[sample * features + index]
        }
        guard leverage.isFinite, leverage < 1 - 1e-9 else { return false }
        for label in 0..<classes {
          let (target, fitted) = (target(sample, label), scores[sample * classes + label])
          scores[sample * classes + label] = target - (target - fitted) / (1 - leverage)
        }
      }
    }
    return true
  }

  private static let block = 1024

  /// The same for groups, with the block of H that belongs to a group: Y − (I − H)⁻¹ (Y − Ŷ).
  private func holdOutGroups(
    _ scores: inout [Double], _ factor: CholeskyFactor
  ) throws(LAPACKEError) -> Bool {
    for group in groups {
      let rows = group.flatMap { centred[$0 * features..<($0 + 1) * features] }
      var solved = rows
      factor.solve(&solved)
      let size = group.count
      var matrix = [Double](repeating: 0, count: size * size)
      for column in 0..<size {
        for row in column..<size {
          var product = 1 / Double(samples)
          for index in 0..<features {
            product += solved[column * features + index] * rows[row * features + index]
          }
          matrix[column * size + row] = (row == column ? 1 : 0) - product
        }
      }
      guard let inverse = try CholeskyFactor(of: matrix, size: size) else { return false }
      var errors: [Double] = []
      for label in 0..<classes {
        for sample in group {
          errors.append(target(sample, label) - scores[sample * classes + label])
        }
      }
      inverse.solve(&errors)
      guard errors.allSatisfy(\.isFinite) else { return false }
      for label in 0..<classes {
        for (position, sample) in group.enumerated() {
          scores[sample * classes + label] =
            target(sample, label) - errors[label * size + position]
        }
      }
    }
    return true
  }
}

/// The result of ridge regression for one penalty.
package struct RidgeSolution: Sendable {
  /// λ.
  package let penalty: Double
  /// `features` values for each class.
  package let weights: [Double]
  /// One intercept for each class.
  package let intercepts: [Double]
  /// [samples, classes]: the scores of each sample from a fit without it and its group; near 1 for
  /// the sample's class.
  package let heldOut: [Double]
}
