import Glibc
import Host

/// A random rectangle of an image, as torchvision's `RandomResizedCrop` chooses it.
///
/// The rectangle's share of the area is uniformly distributed from `minimumArea` to 1, the
/// logarithm of its aspect ratio from ln 3/4 to ln 4/3, and its place over all those inside the
/// image (Szegedy et al. 2014, arXiv 1409.4842, section 6).
package struct RandomResizedCrop: Hashable, Sendable {
  /// The smallest share of the image's area, above 0 and at most 1.
  package let minimumArea: Double

  /// Width divided by height.
  private static let aspectRatios = 3.0 / 4...4.0 / 3
  private static let attempts = 10
  /// The random numbers of one attempt: area, aspect ratio, column, row.
  private static let numbers = 4

  /// - Precondition: `minimumArea` is above 0 and at most 1.
  package init(minimumArea: Double) {
    precondition(minimumArea > 0 && minimumArea <= 1)
    self.minimumArea = minimumArea
  }

  /// The rectangle in an image of the given size.
  ///
  /// Rectangles that do not fit are drawn again, up to ten times. After that, the largest centred
  /// rectangle with a permitted aspect ratio is used.
  ///
  /// - Parameter key: Determines the rectangle.
  /// - Precondition: Both sides are positive.
  package func box(width: Int, height: Int, key: RandomKey) -> PixelBox {
    precondition(width > 0 && height > 0)
    let area = Double(width) * Double(height)
    let (least, most) = (log(Self.aspectRatios.lowerBound), log(Self.aspectRatios.upperBound))
    for attempt in 0..<Self.attempts {
      func uniform(_ number: Int) -> Double { key.uniform(attempt * Self.numbers + number) }
      let target = area * (minimumArea + (1 - minimumArea) * uniform(0))
      let ratio = exp(least + (most - least) * uniform(1))
      let columns = Self.rounded((target * ratio).squareRoot())
      let rows = Self.rounded((target / ratio).squareRoot())
      guard (1...width).contains(columns), (1...height).contains(rows) else { continue }
      let left = Int(uniform(2) * Double(width - columns + 1))
      let top = Int(uniform(3) * Double(height - rows + 1))
      return PixelBox(columns: left..<left + columns, rows: top..<top + rows)
    }
    return Self.centralBox(width: width, height: height)
  }

  /// The largest centred rectangle with a permitted aspect ratio.
  static func centralBox(width: Int, height: Int) -> PixelBox {
    var (columns, rows) = (width, height)
    let ratio = Double(width) / Double(height)
    if ratio < aspectRatios.lowerBound {
      rows = rounded(Double(width) / aspectRatios.lowerBound)
    } else if ratio > aspectRatios.upperBound {
      columns = rounded(Double(height) * aspectRatios.upperBound)
    }
    let (left, top) = ((width - columns) / 2, (height - rows) / 2)
    return PixelBox(columns: left..<left + columns, rows: top..<top + rows)
  }

  /// Python's `round`: halves become even.
  private static func rounded(_ side: Double) -> Int { Int(side.rounded(.toNearestOrEven)) }
}
