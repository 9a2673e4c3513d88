import Glibc

/// Maps values above 0 to places from 0 to 1, and knows which values to label.
package struct PlotAxis: Equatable, Sendable {
  package let domain: ClosedRange<Double>
  /// Used where the greatest value is many times the least.
  package let isLogarithmic: Bool
  /// Round values inside the domain, in ascending order.
  package let ticks: [Double]

  /// Beyond this ratio, the small values of a linear axis would lie on one spot.
  private static let widestLinear = 6.0

  /// An axis that holds `values` with some air around them.
  package init(covering values: ClosedRange<Double>) {
    let (low, high) = (max(values.lowerBound, 1e-6), max(values.upperBound, 1e-6))
    isLogarithmic = high / low > Self.widestLinear
    if isLogarithmic {
      let air = pow(high / low, 0.07)
      domain = low / air...high * air
      ticks = Self.logarithmicTicks(domain)
    } else {
      // A single value still needs an extent.
      let air = max(0.07 * (high - low), 0.01 * high)
      domain = max(0, low - air)...high + air
      ticks = Self.linearTicks(domain)
    }
  }

  /// An axis from 0, for lengths.
  package init(upTo greatest: Double) {
    domain = 0...max(greatest, 1e-6)
    isLogarithmic = false
    ticks = Self.linearTicks(domain)
  }

  /// Where `value` lies; outside of 0 to 1 for those beyond the ends.
  package func position(of value: Double) -> Double {
    let (low, high) = (domain.lowerBound, domain.upperBound)
    return isLogarithmic
      ? log(max(value, 1e-12) / low) / log(high / low) : (value - low) / (high - low)
  }

  /// A tick as text, with as many decimals as tell all of them apart.
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

  /// As many round values as there is room for, at most eight.
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
