import Foundation
import Training
import Operators
import Testing

@Suite(.enabled(if: Algebra.isThere, "OpenBLAS or LAPACKE is not installed"))
struct RidgeTests {
  /// More samples than features, and fewer; classes of different sizes.
  @Test(arguments: [(9, 4, 3), (6, 11, 2), (14, 5, 4)], [0.01, 1, 50])
  func leaveOneOutEqualsRefitting(
    _ size: (samples: Int, features: Int, classes: Int), penalty: Double
  ) throws {
    let (vectors, labels) = samples(size.samples, size.features, size.classes)
    let all = try RidgeProblem(vectors: vectors, labels: labels, classes: size.classes)
    let solution = try #require(try all.solve(penalty: penalty))
    for left in vectors.indices {
      var (rest, restLabels) = (vectors, labels)
      rest.remove(at: left)
      restLabels.remove(at: left)
      let problem = try RidgeProblem(vectors: rest, labels: restLabels, classes: size.classes)
      let fit = try #require(try problem.solve(penalty: penalty))
      for label in 0..<size.classes {
        let expected = fit.score(of: vectors[left], label)
        let found = solution.heldOut[left * size.classes + label]
        #expect(abs(found - expected) < 1e-9, "sample \(left), class \(label)")
        #expect(abs(solution.score(of: vectors[left], label) - expected) > 1e-6)
      }
    }
  }

  /// A group is held out as a whole, its copies included; all others one by one.
  @Test(arguments: [0.01, 1, 50])
  func groupsAreHeldOutTogether(penalty: Double) throws {
    var (vectors, labels) = samples(12, 5, 3)
    // Copies, one of them under another label.
    vectors[7] = vectors[2]
    vectors[9] = vectors[2]
    labels[9] = (labels[2] + 1) % 3
    let groups = [[2, 7, 9], [0, 4]]
    let all = try RidgeProblem(vectors: vectors, labels: labels, classes: 3, groups: groups)
    let solution = try #require(try all.solve(penalty: penalty))
    for left in [[0, 4], [1], [2, 7, 9], [3], [11]] {
      let rest = vectors.indices.filter { !left.contains($0) }
      let problem = try RidgeProblem(
        vectors: rest.map { vectors[$0] }, labels: rest.map { labels[$0] }, classes: 3)
      let fit = try #require(try problem.solve(penalty: penalty))
      for sample in left {
        for label in 0..<3 {
          let found = solution.heldOut[sample * 3 + label]
          #expect(abs(found - fit.score(of: vectors[sample], label)) < 1e-9, "sample \(sample)")
        }
      }
    }
    let alone = try #require(
      try RidgeProblem(vectors: vectors, labels: labels, classes: 3).solve(penalty: penalty))
    #expect(abs(alone.heldOut[2 * 3] - solution.heldOut[2 * 3]) > 1e-4)
  }

  /// More samples than are solved for at a time.
  @Test(arguments: [0, 1023, 1024, 1099])
  func leaveOneOutOfManySamples(left: Int) throws {
    var (vectors, labels) = samples(1100, 3, 2)
    let all = try RidgeProblem(vectors: vectors, labels: labels, classes: 2)
    let solution = try #require(try all.solve(penalty: 0.1))
    let vector = vectors.remove(at: left)
    labels.remove(at: left)
    let rest = try RidgeProblem(vectors: vectors, labels: labels, classes: 2)
    let fit = try #require(try rest.solve(penalty: 0.1))
    for label in 0..<2 {
      let found = solution.heldOut[left * 2 + label]
      #expect(abs(found - fit.score(of: vector, label)) < 1e-9)
      #expect(abs(found - solution.score(of: vector, label)) > 1e-7)
    }
  }

  /// The gradient of the penalised squared error is zero in every weight and intercept.
  @Test func solutionIsAMinimum() throws {
    let (vectors, labels) = samples(8, 5, 3)
    let problem = try RidgeProblem(vectors: vectors, labels: labels, classes: 3)
    let solution = try #require(try problem.solve(penalty: 0.3))
    for label in 0..<3 {
      let errors = zip(vectors, labels).map {
        solution.score(of: $0, label) - ($1 == label ? 1 : 0)
      }
      #expect(abs(errors.reduce(0, +)) < 1e-12)
      for feature in 0..<5 {
        var slope = 0.3 * solution.weights[label * 5 + feature]
        for (vector, error) in zip(vectors, errors) { slope += error * Double(vector[feature]) }
        #expect(abs(slope) < 1e-12)
      }
    }
  }

  @Test func chosenPenaltyMinimisesTheError() throws {
    let (vectors, labels) = samples(20, 6, 2)
    let head = try ClosedFormHead(vectors: vectors, labels: labels, classes: 2)
    let problem = try RidgeProblem(vectors: vectors, labels: labels, classes: 2)
    func error(_ penalty: Double) throws -> Double {
      try #require(try problem.solve(penalty: penalty))
        .heldOutError(labels: labels, classes: 2)
    }
    let chosen = try error(head.penalty)
    for factor in [0.1, 0.316, 3.16, 10] {
      #expect(try chosen <= error(factor * head.penalty) * (1 + 1e-3))
    }
    #expect(head.heldOut.count == 40)
  }

  @Test func identicalSamplesAreRejected() {
    let vectors = [[Float]](repeating: [1, 2, 3], count: 4)
    #expect(throws: ClosedFormHeadError.self) {
      try ClosedFormHead(vectors: vectors, labels: [0, 0, 1, 1], classes: 2)
    }
  }

  /// Two classes on either side of a plane, some samples on the wrong one.
  private func samples(
    _ count: Int, _ features: Int, _ classes: Int
  ) -> (vectors: [[Float]], labels: [Int]) {
    var state: UInt32 = 7
    func next() -> Float {
      state = state &* 1_664_525 &+ 1_013_904_223
      return Float(state >> 8) / Float(1 << 24) - 0.5
    }
    let labels = (0..<count).map { $0 % classes }
    let vectors = labels.map { label in
      (0..<features).map { feature in
        next() + 3 + (feature % classes == label ? 0.4 : 0)
      }
    }
    return (vectors, labels)
  }
}

struct TemperatureTests {
  /// Scores that are correct three times out of four: the calibrated probability is that share,
  /// adjusted by the rule of succession.
  @Test func probabilitiesMatchFrequencies() {
    let labels = (0..<400).map { $0 % 2 }
    let scores = labels.enumerated().flatMap { index, label -> [Double] in
      let answer = index % 8 < 2 ? 1 - label : label
      return answer == 0 ? [1, 0] : [0, 1]
    }
    let temperature = Temperature.fit(scores: scores, labels: labels, classes: 2)
    // A sample of 202 on either side counts as wrong: 0.75 · 201/202 + 0.25 · 1/202.
    let expected = (0.75 * 201 + 0.25) / 202
    let odds = expected / (1 - expected)
    #expect(abs(1 / temperature - log(odds)) < 1e-6)
  }

  @Test func perfectScoresDoNotGiveCertainty() {
    let scores: [Double] = [1, 0, 1, 0, 0, 1, 0, 1]
    let temperature = Temperature.fit(scores: scores, labels: [0, 0, 1, 1], classes: 2)
    // 3 of 4: each class has two samples.
    #expect(abs(1 / temperature - log(3)) < 1e-6)
  }

  @Test func wrongScoresStillOrderTheClasses() {
    let scores: [Double] = [0, 1, 0, 1, 1, 0, 1, 0]
    let temperature = Temperature.fit(scores: scores, labels: [0, 0, 1, 1], classes: 2)
    #expect(temperature.isFinite && temperature > 100)
  }
}

/// Whether the libraries are installed; without them no head can be fitted.
enum Algebra {
  static let isThere =
    (try? CholeskyFactor.requireLibrary()) != nil && (try? MatrixProducts()) != nil
}

extension RidgeSolution {
  func score(of vector: [Float], _ label: Int) -> Double {
    zip(vector, weights[label * vector.count..<(label + 1) * vector.count])
      .reduce(intercepts[label]) { $0 + Double($1.0) * $1.1 }
  }
}
