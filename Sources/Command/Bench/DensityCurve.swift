import Glibc

/// A smooth picture of how samples are distributed along an axis.
package struct DensityCurve: Sendable {
  /// Places on the axis, ascending, and the density at each, of which the greatest is 1.
  package let points: [(place: Double, height: Double)]

  /// Samples that a curve is made of at most: quantiles of more would not change it visibly.
  private static let mostSamples = 2000
  private static let resolution = 240

  /// A sum of Gaussians over the part of the axis where samples lie.
  ///
  /// They are half as wide as Silverman's rule (1986) says, which is for a single hill: times on a
  /// shared machine have several. What lies beyond the axis is left out.
  package init(_ samples: SampleStatistics, on axis: PlotAxis) {
    let count = min(samples.samples.count, Self.mostSamples)
    let places = SampleStatistics(
      (0..<count).map { index in
        axis.position(of: samples.percentile(100 * (Double(index) + 0.5) / Double(count)))
      })
    let quartiles = (places.percentile(75) - places.percentile(25)) / 1.34
    let spread = min(places.standardDeviation, quartiles > 0 ? quartiles : .infinity)
    // The narrowest hill is still to be seen as one, not as a line.
    let width = max(0.45 * spread * pow(Double(count), -0.2), 0.004)
    let start = max(0, places.minimum - 3 * width)
    let end = min(1, places.percentile(100) + 3 * width)
    let curve = (0...Self.resolution).map { index in
      let place = start + (end - start) * Double(index) / Double(Self.resolution)
      let density = places.samples.reduce(0) { sum, sample in
        let distance = (place - sample) / width
        return sum + exp(-0.5 * distance * distance)
      }
      return (place: place, height: density)
    }
    let greatest = curve.map(\.height).max() ?? 0
    points = curve.map { ($0.place, greatest > 0 ? $0.height / greatest : 0) }
  }
}
