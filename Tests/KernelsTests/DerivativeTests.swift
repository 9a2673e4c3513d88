import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The activations' derivatives, in the reference and in the kernels.
struct DerivativeTests {
  /// (f(x + h) − f(x − h)) / 2h, away from the kinks.
  @Test(arguments: Nonlinearity.allCases)
  func reference(_ nonlinearity: Kernels.Nonlinearity) {
    for x in stride(from: -9.03, to: 9, by: 0.171) {
      let step = 1e-5
      let slope =
        (Reference.apply(nonlinearity, x + step) - Reference.apply(nonlinearity, x - step))
        / (2 * step)
      #expect(abs(Reference.derivative(nonlinearity, x) - slope) < 1e-8, "at \(x)")
    }
  }

  /// Each value through batch norm's gradient with γ = 1 and β = 0.
  private func derivative(_ nonlinearity: Kernels.Nonlinearity, _ set: InstructionSet, _ x: [Float])
    -> [Float]
  {
    let rows = (x.count + 7) / 8
    let z = AlignedBuffer(x, count: rows * 8)
    let out = AlignedBuffer([Float](repeating: 1, count: rows * 8))
    let ones = AlignedBuffer([Float](repeating: 1, count: 8))
    let zeros = AlignedBuffer([Float](repeating: 0, count: 8))
    let sums = AlignedBuffer([Float](repeating: 0, count: 16))
    set.kernels.training.normalizeGradient(
      NormalizeGradient(
        rows: rows, channels: 8, gradient: out.base, gradientStride: 8, z: KeptMap(z.base),
        zStride: 8,
        scale: ones.base, shift: zeros.base, mean: zeros.base, nonlinearity: nonlinearity,
        out: KeptMap(out.base), outStride: 8, sums: sums.base, products: sums.base + 8))
    return Array(out.values.prefix(x.count))
  }

  @Test(arguments: InstructionSet.supported, Nonlinearity.allCases)
  func kernels(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    let x = stride(from: -90_000, through: 90_000, by: 7).map { Float($0) * 1e-3 }
    let expected = x.map { Reference.derivative(nonlinearity, Double($0)) }
    let fault = Reference.firstOutlier(
      derivative(nonlinearity, set, x), expected,
      within: Nonlinearity.exact.contains(nonlinearity) ? 5e-7 : 3e-4)
    #expect(fault == nil)
  }

  /// Tails keep their relative accuracy.
  @Test(arguments: InstructionSet.supported)
  func tails(_ set: InstructionSet) {
    let x = stride(from: Float(5), to: 80, by: 0.37).flatMap { [$0, -$0] }
    for (x, y) in zip(x, derivative(.sigmoid, set, x)) {
      let expected = Reference.derivative(.sigmoid, Double(x))
      #expect(abs(Double(y) / expected - 1) < 1e-5, "at \(x)")
    }
    for (x, y) in zip(x, derivative(.silu, set, x)) {
      let expected = Reference.derivative(.silu, Double(x))
      #expect(abs(Double(y) / expected - 1) < 1e-5, "at \(x)")
    }
  }

  /// What PyTorch 2.14 computes at the kinks and beside them.
  @Test(
    arguments: InstructionSet.supported,
    [
      (.relu, [(-0.0, 0), (0, 0), (1e-30, 1)]),
      (.relu6, [(0, 0), (1e-30, 1), (5.9999995, 1), (6, 0), (6.0000005, 0)]),
      (
        .hardSwish,
        [(-3.0000002, 0), (-3, 0), (-2.9999998, -0.49999994), (2.9999998, 1.5), (3, 1)]
      ),
      (
        .hardSigmoid,
        [(-3, 0), (-2.9999998, 0.16666667), (2.9999998, 0.16666667), (3, 0), (3.0000002, 0)]
      ),
    ] as [(Kernels.Nonlinearity, [(x: Float, slope: Float)])])
  func kinks(
    _ set: InstructionSet,
    _ expected: (nonlinearity: Kernels.Nonlinearity, points: [(x: Float, slope: Float)])
  ) {
    let found = derivative(expected.nonlinearity, set, expected.points.map(\.x))
    for (found, point) in zip(found, expected.points) {
      #expect(abs(found - point.slope) <= 1e-7, "at \(point.x)")
      let reference = Reference.derivative(expected.nonlinearity, Double(point.x))
      #expect(abs(reference - Double(point.slope)) <= 1e-7, "reference at \(point.x)")
    }
  }

  /// A NaN must not become a zero gradient.
  @Test(arguments: InstructionSet.supported, Nonlinearity.allCases)
  func nan(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    #expect(derivative(nonlinearity, set, [.nan]) != [0])
  }
}
