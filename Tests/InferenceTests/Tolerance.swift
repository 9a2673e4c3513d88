import Testing

/// The allowed deviation from a reference, relative to the reference's largest magnitude.
enum Tolerance {
  /// The largest difference over the largest expected magnitude.
  static func error(_ found: [Float], _ expected: [Float]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let scale = expected.map { Double(abs($0)) }.max() ?? 0
    let worst = zip(found, expected).map { abs(Double($0) - Double($1)) }.max() ?? 0
    return found.allSatisfy(\.isFinite) ? worst / max(scale, .leastNormalMagnitude) : .infinity
  }

  /// Records an issue that shows the first outlier, both values, and how many there are.
  static func expectClose(
    _ found: [Float], _ expected: [Float], within tolerance: Double, _ label: String,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = error(found, expected)
    guard error > tolerance else { return }
    let scale = expected.map { Double(abs($0)) }.max() ?? 0
    let outliers = zip(found, expected).enumerated().filter {
      !(abs(Double($0.element.0) - Double($0.element.1)) <= tolerance * scale)
    }
    let first = outliers.first.map {
      "first at \($0.offset): \($0.element.0), expected \($0.element.1)"
    }
    Issue.record(
      """
      \(label): error \(error) of the largest, allowed \(tolerance); \
      \(outliers.count) of \(expected.count) outliers (\(found.count) values), \(first ?? "none")
      """, sourceLocation: sourceLocation)
  }
}

/// PyTorch's NCHW against the engine's NHWC.
enum Layout {
  /// Copies one image of three planes to positions of three values.
  static func copy(planes: [Float], toPositions target: UnsafeMutableBufferPointer<Float>) {
    let count = target.count / 3
    precondition(planes.count == target.count)
    for position in 0..<count {
      for channel in 0..<3 { target[position * 3 + channel] = planes[channel * count + position] }
    }
  }

  /// Positions of `channels` values as planes.
  static func planes(_ positions: [Float], channels: Int) -> [Float] {
    let count = positions.count / channels
    var planes = [Float](repeating: 0, count: positions.count)
    for position in 0..<count {
      for channel in 0..<channels {
        planes[channel * count + position] = positions[position * channels + channel]
      }
    }
    return planes
  }
}
