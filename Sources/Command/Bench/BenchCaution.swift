extension SampleStatistics {
  /// Above this ratio of median to minimum, times say more about what else the machine did.
  private static let busy = 1.3

  /// Whether half of the runs were slowed down.
  package var showsBusyMachine: Bool { Self.showsBusyMachine(median: percentile(50), minimum) }

  static func showsBusyMachine(median: Double, _ minimum: Double) -> Bool {
    median > busy * minimum
  }

  /// Farther from the median than this many robust standard deviations is an outlier (Iglewicz &
  /// Hoaglin 1993).
  private static let outlierDistance = 3.5

  /// The samples that are no outliers.
  package var withoutOutliers: SampleStatistics {
    let median = percentile(50)
    let distances = samples.map { ($0 - median).magnitude }
    // Of a normal distribution, the median of the distances is 0.6745 standard deviations and their
    // mean 0.7979; the mean serves where more than half of the samples are equal.
    let typical = SampleStatistics(distances).percentile(50) / 0.6745
    let deviation = typical > 0 ? typical : SampleStatistics(distances).mean / 0.7979
    return SampleStatistics(
      zip(samples, distances).filter { $1 <= Self.outlierDistance * deviation }.map(\.0))
  }
}

/// What exceptional runs do to what a reader concludes.
///
/// There are some in every measurement on a shared machine. They are worth a sentence only where
/// another answer would be as good: where the figures that are compared disagree.
package struct BenchCaution {
  /// Names the measurement in a sentence.
  package let name: String
  private let samples: SampleStatistics
  private let typical: SampleStatistics

  /// A mean that outliers move by less is the same to a reader.
  private static let noticeable = 0.05
  /// Two ratios that differ by less are the same to a reader.
  private static let sameRatio = 1.2

  package init(name: String, _ samples: SampleStatistics) {
    self.name = name
    self.samples = samples
    typical = samples.withoutOutliers
  }

  /// A sentence where the median or the mean is not what it is taken for.
  package var warning: String? {
    if samples.showsBusyMachine {
      let slowness = samples.percentile(50) / samples.minimum
      return "\(name): half of the runs took \(NumberText.fixed(slowness, 1)) times as long as the"
        + " fastest, or longer: the machine was busy"
    }
    let change = samples.mean / typical.mean - 1
    guard change.magnitude > Self.noticeable else { return nil }
    return "\(name): \(samples.samples.count - typical.samples.count) of \(samples.samples.count)"
      + " runs stand out and move the mean by \(NumberText.fixed(100 * change, 0)) %;"
      + " go by the median"
  }

  /// A sentence where it depends on the figure which of two is the faster, or by how much.
  package func warning(against other: BenchCaution) -> String? {
    let reported: [(name: String, ratio: Double)] = [
      ("the minimum", samples.minimum / other.samples.minimum),
      ("the median", samples.percentile(50) / other.samples.percentile(50)),
    ]
    let means: [(name: String, ratio: Double)] = [
      ("the mean", samples.mean / other.samples.mean),
      ("the mean without outliers", typical.mean / other.typical.mean),
    ]
    return sentence(reported, about: other) { $1 > Self.sameRatio * $0 }
      ?? sentence(reported + means, about: other) { $0 < 1 && $1 > 1 }
  }

  /// The two figures that disagree most, if they do so too much.
  private func sentence(
    _ figures: [(name: String, ratio: Double)], about other: BenchCaution,
    where disagree: (_ least: Double, _ greatest: Double) -> Bool
  ) -> String? {
    let ascending = figures.sorted { $0.ratio < $1.ratio }
    guard let least = ascending.first, let greatest = ascending.last,
      disagree(least.ratio, greatest.ratio)
    else { return nil }
    return "\(name) takes \(NumberText.fixed(least.ratio, 2)) times the time of \(other.name) by"
      + " \(least.name), \(NumberText.fixed(greatest.ratio, 2)) times by \(greatest.name)"
  }
}
