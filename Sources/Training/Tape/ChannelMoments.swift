/// Means of a map's channels and sums of products of their differences from them, over a batch.
struct ChannelMoments {
  typealias Vector = SIMD8<Double>

  let channels: Int
  /// Vectors in a row of `products`.
  let width: Int
  private(set) var count = 0.0
  private(set) var means: [Double]
  /// Σ (x − μ)(x − μ)ᵀ: a row for each channel, zeros after the last.
  private(set) var products: [Vector]

  /// Those of no positions.
  init(channels: Int) {
    self.channels = channels
    width = (channels + Vector.scalarCount - 1) / Vector.scalarCount
    means = Array(repeating: 0, count: width * Vector.scalarCount)
    products = Array(repeating: .zero, count: channels * width)
  }

  /// Merges the moments of `rows` more positions (Chan, Golub & LeVeque 1983), so that a large mean costs no
  /// precision.
  ///
  /// - Parameters:
  ///   - means: `8 · width` values.
  ///   - products: `8 · width` values for each channel.
  mutating func add(
    rows: Int, means: UnsafePointer<Float>, products: UnsafePointer<Float>
  ) {
    let added = Double(rows)
    let weight = count * added / (count + added)
    var differences = [Vector](repeating: .zero, count: width)
    for index in self.means.indices {
      let difference = Double(means[index]) - self.means[index]
      differences[index / Vector.scalarCount][index % Vector.scalarCount] = difference
      self.means[index] += difference * added / (count + added)
    }
    for row in 0..<channels {
      let own = differences[row / Vector.scalarCount][row % Vector.scalarCount] * weight
      for column in 0..<width {
        let part = UnsafeRawPointer(products + (row * width + column) * Vector.scalarCount)
          .loadUnaligned(as: SIMD8<Float>.self)
        self.products[row * width + column] += Vector(part) + own * differences[column]
      }
    }
    count += added
  }

  /// Writes the products as floats, rows of `8 · width`.
  func store(into target: UnsafeMutablePointer<Float>) {
    for (index, vector) in products.enumerated() {
      UnsafeMutableRawPointer(target + index * Vector.scalarCount)
        .storeBytes(of: SIMD8<Float>(vector), as: SIMD8<Float>.self)
    }
  }
}
