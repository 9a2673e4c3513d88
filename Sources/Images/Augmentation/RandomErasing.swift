import Glibc
import Host

/// A random rectangle to erase, as torchvision's `RandomErasing` chooses it.
///
/// Its share of the area is uniformly distributed from 0.02 to 0.33, the logarithm of its aspect
/// ratio from ln 0.3 to ln 3.3 (Zhong et al. 2020, arXiv 1708.04896).
package struct RandomErasing: Hashable, Sendable {
  /// The probability of erasing anything.
  package let probability: Double

  private static let areas = 0.02...0.33
  /// Height divided by width.
  private static let aspectRatios = 0.3...3.3
  private static let attempts = 10
  /// The random numbers of one attempt: area, aspect ratio, column, row.
  private static let numbers = 4

  /// - Precondition: `probability` is from 0 to 1.
  package init(probability: Double) {
    precondition((0...1).contains(probability))
    self.probability = probability
  }

  /// The rectangle in an image of the given size; `nil` if nothing is erased.
  ///
  /// Rectangles that do not fit are drawn again, up to ten times. After that, nothing is erased.
  package func box(width: Int, height: Int, key: RandomKey) -> PixelBox? {
    guard key[0].uniform() < probability else { return nil }
    let area = Double(width) * Double(height)
    let (least, most) = (log(Self.aspectRatios.lowerBound), log(Self.aspectRatios.upperBound))
    for attempt in 0..<Self.attempts {
      func uniform(_ number: Int) -> Double { key[1].uniform(attempt * Self.numbers + number) }
      let (low, high) = (Self.areas.lowerBound, Self.areas.upperBound)
      let target = area * (low + (high - low) * uniform(0))
      let ratio = exp(least + (most - least) * uniform(1))
      let rows = Int((target * ratio).squareRoot().rounded(.toNearestOrEven))
      let columns = Int((target / ratio).squareRoot().rounded(.toNearestOrEven))
      guard (1..<width).contains(columns), (1..<height).contains(rows) else { continue }
      let left = Int(uniform(2) * Double(width - columns + 1))
      let top = Int(uniform(3) * Double(height - rows + 1))
      return PixelBox(columns: left..<left + columns, rows: top..<top + rows)
    }
    return nil
  }
}
