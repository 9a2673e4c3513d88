import Host
import Testing

/// Random numbers with a distribution.
struct RandomKeyTests {
  private static let count = 40_000

  private static func numbers(_ alpha: Double) -> [Double] {
    (0..<count).map { RandomKey(seed: 5)[$0].beta(alpha) }
  }

  /// Mean and variance of Beta(α, α) are 1/2 and 1 / (4 (2α + 1)), its excess kurtosis −6 / (2α + 3).
  @Test(arguments: [0.05, 0.2, 0.5, 1, 2.5, 10])
  func betaMoments(alpha: Double) {
    let numbers = Self.numbers(alpha)
    #expect(numbers.allSatisfy { (0...1).contains($0) })
    func moment(_ power: Int) -> Double {
      numbers.reduce(0) { sum, x in
        sum + (0..<power).reduce(1) { product, _ in product * (x - 0.5) }
      } / Double(numbers.count)
    }
    let variance = 1 / (4 * (2 * alpha + 1))
    let kurtosis = 3 - 6 / (2 * alpha + 3)
    // Five standard errors, from the moments of the distribution itself.
    let error = 5 / Double(Self.count).squareRoot()
    #expect(abs(moment(1)) < error * variance.squareRoot())
    #expect(abs(moment(2) - variance) < error * variance * (kurtosis - 1).squareRoot())
    #expect(abs(moment(4) / (variance * variance) - kurtosis) < 0.06 * kurtosis)
  }

  /// Beta(1, 1) is uniform, so each tenth has a tenth of the numbers.
  @Test func betaOfOneIsUniform() {
    var counts = [Int](repeating: 0, count: 10)
    for number in Self.numbers(1) { counts[min(Int(10 * number), 9)] += 1 }
    #expect(counts.allSatisfy { abs($0 - Self.count / 10) < 300 })
  }

  /// Below α = 0.01, gamma variables underflow; their ratio must not.
  @Test(arguments: [1e-6, 0.001, 0.01])
  func betaOfSmallNumbers(alpha: Double) {
    let numbers = Self.numbers(alpha)
    #expect(numbers.allSatisfy { (0...1).contains($0) })
    #expect(numbers.count { $0 < 0.01 } > Self.count * 45 / 100)
    #expect(numbers.count { $0 > 0.99 } > Self.count * 45 / 100)
  }

  /// A change of these numbers would change every run with mixup.
  @Test func betaStaysTheSame() {
    // The C library's logarithm may differ in the last bit.
    for (alpha, recorded) in [
      (0.2, 6.820952624869791e-05), (1, 0.12137438736287547), (5, 0.3953600849064916),
    ] {
      let number = RandomKey(seed: 9)[1].beta(alpha)
      #expect(abs(number / recorded - 1) < 1e-12)
      #expect(number == RandomKey(seed: 9)[1].beta(alpha))
    }
  }
}
