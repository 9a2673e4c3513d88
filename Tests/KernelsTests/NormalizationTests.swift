import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The kernels of batch norm in training, of every instruction set of this machine.
struct NormalizationTests {
  /// Rows and channels: odd numbers of rows, full and half vectors.
  private static let shapes = [1, 2, 5, 49].flatMap { rows in
    stride(from: 8, through: 88, by: 8).map { (rows, $0) }
  }

  @Test(arguments: InstructionSet.supported)
  func sums(_ set: InstructionSet) {
    for (rows, channels) in Self.shapes {
      let x = Map(rows, channels, seed: 1)
      let y = Map(rows, channels, seed: 2)
      let mean = Map(1, channels, seed: 3)
      let squares = Map(1, channels, seed: 4)
      let products = Map(1, channels, seed: 5)
      set.kernels.training.squares(
        ChannelSquares(
          rows: rows, channels: channels, z: KeptMap(x.base), zStride: x.stride,
          mean: mean.base, out: squares.base))
      set.kernels.training.products(
        ChannelProducts(
          rows: rows, channels: channels, x: x.base, xStride: x.stride, y: y.base,
          yStride: y.stride, out: products.base))
      #expect(
        squares.fault { _, c in
          (0..<rows).reduce(0) { sum, row in
            let difference = x.before(row, c) - mean.before(0, c)
            return sum + difference * difference
          }
        } == nil, "squares: \(rows) rows of \(channels)")
      #expect(
        products.fault { _, c in
          (0..<rows).reduce(0) { $0 + x.before($1, c) * y.before($1, c) }
        } == nil, "products: \(rows) rows of \(channels)")
    }
  }

  @Test(arguments: InstructionSet.supported, [false, true])
  func scale(_ set: InstructionSet, inPlace: Bool) {
    for (rows, channels) in Self.shapes {
      for hasOffset in [false, true] {
        let x = Map(rows, channels, seed: 1)
        let factor = Map(1, channels, seed: 2)
        let offset = Map(1, channels, seed: 3)
        let out = inPlace ? x : Map(rows, channels, seed: 4)
        set.kernels.training.scale(
          ChannelScale(
            rows: rows, channels: channels, x: x.base, xStride: x.stride, factor: factor.base,
            offset: hasOffset ? UnsafePointer(offset.base) : nil, out: out.base,
            outStride: out.stride))
        #expect(
          out.fault { row, c in
            x.before(row, c) * factor.before(0, c) + (hasOffset ? offset.before(0, c) : 0)
          } == nil, "\(rows) rows of \(channels), offset \(hasOffset)")
      }
    }
  }

  /// Out of place, in the memory of g, and in that of z.
  @Test(arguments: InstructionSet.supported, 0..<3)
  func linearCombination(_ set: InstructionSet, target: Int) {
    for (rows, channels) in Self.shapes {
      let g = Map(rows, channels, seed: 1)
      let z = Map(rows, channels, seed: 2)
      let (a, b) = (Map(1, channels, seed: 3), Map(1, channels, seed: 4))
      let c = Map(1, channels, seed: 5)
      let out = [Map(rows, channels, seed: 6), g, z][target]
      set.kernels.training.combine(
        LinearCombination(
          rows: rows, channels: channels, g: KeptMap(g.base), gStride: g.stride,
          z: KeptMap(z.base), zStride: z.stride, a: a.base, b: b.base, c: c.base, out: out.base,
          outStride: out.stride))
      #expect(
        out.fault { row, i in
          a.before(0, i) * g.before(row, i) + b.before(0, i) * z.before(row, i) + c.before(0, i)
        } == nil, "\(rows) rows of \(channels)")
    }
  }

  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func normalize(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for (rows, channels) in Self.shapes {
      for (hasResidual, inPlace) in [(false, false), (true, false), (false, true), (true, true)] {
        let z = Map(rows, channels, seed: 1, amplitude: 8)
        let scale = Map(1, channels, seed: 2)
        let shift = Map(1, channels, seed: 3)
        let residual = Map(rows, channels, seed: 4)
        let out = inPlace ? (hasResidual ? residual : z) : Map(rows, channels, seed: 5)
        set.kernels.training.normalize(
          Normalize(
            rows: rows, channels: channels, z: KeptMap(z.base), zStride: z.stride,
            scale: scale.base, shift: shift.base, nonlinearity: nonlinearity,
            residual: hasResidual ? UnsafePointer(residual.base) : nil,
            residualStride: residual.stride, out: out.base, outStride: out.stride))
        #expect(
          out.fault { row, c in
            let u = scale.before(0, c) * z.before(row, c) + shift.before(0, c)
            return Reference.apply(nonlinearity, u) + (hasResidual ? residual.before(row, c) : 0)
          } == nil, "\(rows) rows of \(channels), residual \(hasResidual), in place \(inPlace)")
      }
    }
  }

  /// The gradient and both sums; a reference without the mean, the slope or the last row is refused.
  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func normalizeGradient(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for (rows, channels) in Self.shapes {
      for inPlace in [false, true] {
        // Values at a kink have a derivative that rounding decides.
        let z = Map(rows, channels, seed: 1, amplitude: 15) {
          ($0 / 2 + 0.25).remainder(dividingBy: 3).magnitude > 0.01
        }
        let gradient = Map(rows, channels, seed: 2)
        let scale = Map(1, channels, value: 0.5)
        let shift = Map(1, channels, value: 0.25)
        let mean = Map(1, channels, seed: 5)
        let out = inPlace ? gradient : Map(rows, channels, seed: 6)
        let (sums, products) = (Map(1, channels, seed: 7), Map(1, channels, seed: 8))
        set.kernels.training.normalizeGradient(
          NormalizeGradient(
            rows: rows, channels: channels, gradient: gradient.base,
            gradientStride: gradient.stride, z: KeptMap(z.base), zStride: z.stride,
            scale: scale.base, shift: shift.base, mean: mean.base, nonlinearity: nonlinearity,
            out: KeptMap(out.base),
            outStride: out.stride, sums: sums.base, products: products.base))
        func expected(_ row: Int, _ c: Int) -> Double {
          let u = scale.before(0, c) * z.before(row, c) + shift.before(0, c)
          return gradient.before(row, c) * Reference.derivative(nonlinearity, u)
        }
        func sum(_ rows: Range<Int>, _ c: Int, factor: (Int) -> Double) -> Double {
          rows.reduce(0) { $0 + expected($1, c) * factor($1) }
        }
        let label: Comment = "\(rows) rows of \(channels), in place \(inPlace)"
        #expect(out.fault(expected) == nil, label)
        #expect(sums.fault { _, c in sum(0..<rows, c) { _ in 1 } } == nil, label)
        #expect(
          products.fault(within: 3e-5) { _, c in
            sum(0..<rows, c) { z.before($0, c) - mean.before(0, c) }
          } == nil, label)

        guard rows == 49 else { continue }
        #expect(
          products.fault(within: 3e-5) { _, c in sum(0..<rows, c) { z.before($0, c) } } != nil,
          label)
        #expect(sums.fault { _, c in sum(0..<rows - 1, c) { _ in 1 } } != nil, label)
        if nonlinearity != .identity { #expect(out.fault(gradient.before) != nil, label) }
      }
    }
  }
}

/// A feature map with 8 floats of padding after each row, and its values before a kernel ran.
private struct Map {
  let rows: Int
  let channels: Int
  let stride: Int
  private let buffer: AlignedBuffer
  private let initial: [Float]

  /// Random values between ±`amplitude` that `isValid` accepts.
  init(
    _ rows: Int, _ channels: Int, seed: Int, amplitude: Float = 1,
    where isValid: (Float) -> Bool = { _ in true }
  ) {
    (self.rows, self.channels, stride) = (rows, channels, channels + 8)
    var noise = Noise(seed + 100 * (channels + rows))
    initial = (0..<rows * stride).map { _ in
      while true {
        let value = noise.next() * amplitude
        if isValid(value) { return value }
      }
    }
    buffer = AlignedBuffer(initial)
  }

  init(_ rows: Int, _ channels: Int, value: Float) {
    (self.rows, self.channels, stride) = (rows, channels, channels + 8)
    initial = [Float](repeating: value, count: rows * stride)
    buffer = AlignedBuffer(initial)
  }

  var base: UnsafeMutablePointer<Float> { buffer.base }

  /// The value before the kernel ran.
  func before(_ row: Int, _ channel: Int) -> Double { Double(initial[row * stride + channel]) }

  /// The first value that is not as expected; padding must be as it was.
  func fault(
    within tolerance: Double = 3e-6, _ expected: (_ row: Int, _ channel: Int) -> Double
  ) -> String? {
    let values = initial.indices.map { index in
      let (row, channel) = (index / stride, index % stride)
      return channel < channels ? expected(row, channel) : Double(initial[index])
    }
    return Reference.firstOutlier(buffer.values, values, within: tolerance)
  }
}
