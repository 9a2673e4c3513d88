import Glibc

/// Maps values above 0 to positions from 0 to 1, and chooses the ticks.
package struct PlotAxis: Equatable, Sendable {
  package let domain: ClosedRange<Double>
  /// Whether the scale is logarithmic: the largest value is many times the smallest.
  package let isLogarithmic: Bool
  /// Round values inside the domain, in ascending order.
  package let ticks: [Double]

  /// Beyond this ratio, small values on a linear axis would coincide.
  private static let widestLinear = 6.0

  /// An axis that covers `values` with a margin around them.
  package init(covering values: ClosedRange<Double>) {
    let (low, high) = (max(values.lowerBound, 1e-6), max(values.upperBound, 1e-6))
    isLogarithmic = high / low > Self.widestLinear
    if isLogarithmic {
      let air = pow(high / low, 0.07)
      domain = low / air...high * air
      ticks = Self.logarithmicTicks(domain)
    } else {
      // A single value still needs a nonzero range.
      let air = max(0.07 * (high - low), 0.01 * high)
      domain = max(0, low - air)...high + air
      ticks = Self.linearTicks(domain)
    }
  }

  /// A linear axis with exactly this domain.
  ///
  /// - Parameters:
  ///   - ticks: The ticks; by default round values.
  ///   - isWhole: Whether the round values are whole numbers alone.
  package init(
    linear domain: ClosedRange<Double>, ticks: [Double]? = nil, isWhole: Bool = false
  ) {
    isLogarithmic = false
    let end = max(domain.upperBound, domain.lowerBound + 1e-9)
    self.domain = domain.lowerBound...end
    self.ticks = ticks ?? Self.linearTicks(self.domain).filter { !isWhole || $0 == $0.rounded() }
  }

  /// The position of `value`; outside of 0 to 1 for values beyond the ends.
  package func position(of value: Double) -> Double {
    let (low, high) = (domain.lowerBound, domain.upperBound)
    return isLogarithmic
      ? log(max(value, 1e-12) / low) / log(high / low) : (value - low) / (high - low)
  }

  /// A tick as text, with enough decimals to distinguish all ticks.
  package func label(of tick: Double) -> String {
    guard tick != 0 else { return "0" }
    let step =
      isLogarithmic ? tick : ticks.count > 1 ? ticks[1] - ticks[0] : domain.upperBound / 10
    let decimals = min(max(0, -Int(floor(log10(step) + 1e-9))), 9)
    let isHalf = isLogarithmic && (tick / pow(10, floor(log10(tick) + 1e-9)) - 1.5).magnitude < 0.01
    return NumberText.fixed(tick, isHalf && tick < 10 ? decimals + 1 : decimals)
  }

  /// Multiples of 1, 2 or 5 times a power of ten, at most eight of them.
  private static func linearTicks(_ domain: ClosedRange<Double>) -> [Double] {
    let extent = domain.upperBound - domain.lowerBound
    let power = pow(10, floor(log10(extent / 7)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { extent / $0 <= 7 } ?? extent
    let first = Int((domain.lowerBound / step).rounded(.up))
    let last = Int((domain.upperBound / step).rounded(.down))
    return first <= last ? (first...last).map { Double($0) * step } : []
  }

  /// The densest choice of round values, at most eight.
  private static func logarithmicTicks(_ domain: ClosedRange<Double>) -> [Double] {
    let powers = Int(floor(log10(domain.lowerBound)))...Int(ceil(log10(domain.upperBound)))
    let choices: [[Double]] = [[1, 1.5, 2, 3, 4, 5, 7], [1, 2, 3, 5], [1, 2, 5], [1, 3], [1]]
    let ticks = choices.map { digits in
      powers.flatMap { power in digits.map { $0 * pow(10, Double(power)) } }
        .filter(domain.contains)
    }
    if let ticks = ticks.first(where: { $0.count <= 8 }) { return ticks }
    let stride = (ticks[ticks.count - 1].count + 7) / 8
    return ticks[ticks.count - 1].enumerated().filter { $0.offset.isMultiple(of: stride) }
      .map(\.element)
  }
}

/// A smooth estimate of the distribution of samples along an axis.
package struct DensityCurve: Sendable {
  /// Positions on the axis, ascending, and the density at each, scaled to a maximum of 1.
  package let points: [(position: Double, height: Double)]

  /// More samples are reduced to this many quantiles, without visible effect.
  private static let mostSamples = 2000
  private static let resolution = 240

  /// A sum of Gaussians over the part of the axis that has samples.
  ///
  /// Half as wide as Silverman's rule (1986), which assumes a single peak: times on a shared machine
  /// have several. Samples beyond the axis are ignored.
  package init(_ samples: SampleStatistics, on axis: PlotAxis) {
    let count = min(samples.samples.count, Self.mostSamples)
    let positions = SampleStatistics(
      (0..<count).map { index in
        axis.position(of: samples.percentile(100 * (Double(index) + 0.5) / Double(count)))
      })
    let quartiles = (positions.percentile(75) - positions.percentile(25)) / 1.34
    let spread = min(positions.standardDeviation, quartiles > 0 ? quartiles : .infinity)
    // Keeps the narrowest peak from collapsing into a line.
    let width = max(0.45 * spread * pow(Double(count), -0.2), 0.004)
    let start = max(0, positions.minimum - 3 * width)
    let end = min(1, positions.percentile(100) + 3 * width)
    let curve = (0...Self.resolution).map { index in
      let position = start + (end - start) * Double(index) / Double(Self.resolution)
      let density = positions.samples.reduce(0) { sum, sample in
        let distance = (position - sample) / width
        return sum + exp(-0.5 * distance * distance)
      }
      return (position: position, height: density)
    }
    let greatest = curve.map(\.height).max() ?? 0
    points = curve.map { ($0.position, greatest > 0 ? $0.height / greatest : 0) }
  }
}
