/// A coarse grid of values over an image, such as the contribution of each part to a class's score.
public struct ActivationMap: Sendable, Equatable {
  /// The number of columns.
  public let width: Int
  /// The number of rows.
  public let height: Int
  /// The values, row by row from the top, from left to right in each row.
  public let values: [Float]

  /// A map of the given values.
  ///
  /// - Precondition: Both sides are positive and `values.count == width * height`.
  public init(width: Int, height: Int, values: [Float]) {
    precondition(width > 0 && height > 0 && values.count == width * height)
    (self.width, self.height, self.values) = (width, height, values)
  }

  /// The largest value and its position; the first one if several are equal.
  public var greatest: (column: Int, row: Int, value: Float) {
    var best = 0
    for index in values.indices where values[index] > values[best] { best = index }
    return (best % width, best / width, values[best])
  }

  /// The mean of all values.
  public var mean: Double { values.reduce(0.0) { $0 + Double($1) } / Double(values.count) }

  /// The map's rows at the given positions, by cubic interpolation.
  ///
  /// - Parameter positions: Positions along the height, in rows; 0.5 is the middle of the first one.
  func smoothRows(at positions: [Double]) -> [[Float]] {
    positions.map { position in
      let taps = Taps(at: position, count: height)
      return (0..<width).map { column in taps.sum { values[$0 * width + column] } }
    }
  }

  /// The weights of four neighbouring values along an axis for a position between them.
  struct Taps {
    private let first: Int
    private let last: Int
    private let weights: SIMD4<Float>

    /// - Parameter position: In units of the `count` values; 0.5 is the middle of the
    ///   first one. The outermost values continue beyond the ends.
    init(at position: Double, count: Int) {
      let start = (position - 0.5).rounded(.down)
      var weights = SIMD4<Float>()
      for tap in 0..<4 {
        weights[tap] = Float(
          Interpolation.bicubic.weight(at: position - 0.5 - start + 1 - Double(tap)))
      }
      self.weights = weights
      first = Int(min(max(start, -8), Double(count) + 8)) - 1
      last = count - 1
    }

    func sum(_ value: (Int) -> Float) -> Float {
      var sum: Float = 0
      for tap in 0..<4 { sum += weights[tap] * value(min(max(first + tap, 0), last)) }
      return sum
    }
  }
}
