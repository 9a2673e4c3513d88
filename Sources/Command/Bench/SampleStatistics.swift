/// What repeated measurements say.
package struct SampleStatistics: Equatable, Sendable {
  /// The measurements in the order they were taken.
  package let samples: [Double]
  private let sorted: [Double]

  /// - Precondition: there is at least one sample.
  package init(_ samples: [Double]) {
    precondition(!samples.isEmpty, "no samples")
    self.samples = samples
    sorted = samples.sorted()
  }

  package var minimum: Double { sorted[0] }

  package var mean: Double { samples.reduce(0, +) / Double(samples.count) }

  /// The spread of single samples, with n − 1 in the denominator; 0 for one sample.
  package var standardDeviation: Double {
    guard samples.count > 1 else { return 0 }
    let mean = mean
    let squares = samples.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    return (squares / Double(samples.count - 1)).squareRoot()
  }

  /// The value below which `percent` of the samples lie, interpolated between neighbours as
  /// NumPy's default does.
  package func percentile(_ percent: Double) -> Double {
    let position = min(max(percent / 100, 0), 1) * Double(sorted.count - 1)
    let lower = Int(position)
    let upper = min(lower + 1, sorted.count - 1)
    return sorted[lower] + (sorted[upper] - sorted[lower]) * (position - Double(lower))
  }
}

/// How long a thing is repeated.
package struct RepetitionRule: Equatable, Sendable {
  /// Seconds that the repetitions last at least.
  package var minimumTime: Double
  /// Repetitions at least.
  package var minimumCount: Int

  package init(minimumTime: Double, minimumCount: Int) {
    self.minimumTime = minimumTime
    self.minimumCount = minimumCount
  }

  /// The seconds that each repetition took by `clock`, which tells seconds since any moment.
  package func samples(
    clock: () -> Double, of body: () throws -> Void
  ) rethrows -> [Double] {
    var samples: [Double] = []
    let start = clock()
    var last = start
    repeat {
      let before = clock()
      try body()
      last = clock()
      samples.append(last - before)
    } while samples.count < minimumCount || last - start < minimumTime
    return samples
  }
}
