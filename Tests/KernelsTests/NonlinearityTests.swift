import Host
import Foundation
import InstructionSets
import Kernels
import Operators
import Testing

/// The accuracy of the vectors' own exponential.
struct NonlinearityTests {
  /// Each value through the epilogue, which adds a bias of zero.
  private func apply(_ nonlinearity: Kernels.Nonlinearity, _ set: InstructionSet, _ x: [Float])
    -> [Float]
  {
    let rows = (x.count + 7) / 8
    let c = AlignedBuffer(x, count: rows * 8)
    let bias = AlignedBuffer([Float](repeating: 0, count: 8))
    set.kernels.epilogue(
      Epilogue(
        rows: rows, channels: 8, c: c.base, ldc: 8, bias: bias.base, residual: nil,
        ldResidual: 0, nonlinearity: nonlinearity))
    return Array(c.values.prefix(x.count))
  }

  /// In units of the last place, 2⁻²³, wherever e⁻ˣ is not saturated.
  ///
  /// Without a fused multiply-add the exponent's rounding shows for large |x|.
  @Test(arguments: InstructionSet.supported, [Nonlinearity.silu, .sigmoid])
  func relativeError(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    let dense = (-870_000...870_000).lazy.filter { $0 % 7 == 0 }.map { Float($0) * 1e-4 }
    let small = (1...120).flatMap { [pow(2, -Float($0)), -pow(2, -Float($0))] }
    let x = Array(dense) + small
    var worst = (error: 0.0, x: Float(0))
    for (x, y) in zip(x, apply(nonlinearity, set, x)) where x != 0 {
      let expected = Reference.apply(nonlinearity, Double(x))
      let error = abs(Double(y) - expected) / abs(expected) * 0x1p23
      if !(error <= worst.error) { worst = (error, x) }
    }
    let allowed =
      switch set {
      case .avx512, .avx2: 4.0
      case .baseline: 32.0
      }
    #expect(worst.error <= allowed, "\(worst.error) ulp at \(worst.x)")
  }

  /// The short forms are good to 12 bits.
  @Test(arguments: InstructionSet.supported, [Nonlinearity.silu, .sigmoid])
  func approximations(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    let x = (-870_000...870_000).lazy.filter { $0 % 7 == 0 }.map { Float($0) * 1e-4 }
    var worst = (error: 0.0, x: Float(0))
    for (x, y) in zip(x, apply(nonlinearity.approximated, set, Array(x))) where x != 0 {
      let expected = Reference.apply(nonlinearity, Double(x))
      let error = abs(Double(y) - expected) / abs(expected)
      if !(error <= worst.error) { worst = (error, x) }
    }
    #expect(worst.error <= 0x1p-12, "\(worst.error) at \(worst.x)")
    // They are different functions, not the exact ones under other names.
    #expect(worst.error > 0x1p-16)
    #expect(apply(nonlinearity.approximated, set, [1000]) == (nonlinearity == .silu ? [1000] : [1]))
  }

  @Test(arguments: InstructionSet.supported)
  func saturation(_ set: InstructionSet) {
    let x: [Float] = [100, 1000, .greatestFiniteMagnitude]
    #expect(apply(.silu, set, x) == x)
    #expect(apply(.sigmoid, set, x) == [1, 1, 1])
    // Finite and almost zero, not the NaN of ∞ / ∞.
    for y in apply(.sigmoid, set, [-100, -1000, -.greatestFiniteMagnitude]) {
      #expect(y >= 0 && y < 1e-37)
    }
    for y in apply(.silu, set, [-100, -1000]) { #expect(y <= 0 && y > -1e-34) }
    #expect(apply(.sigmoid, set, [0]) == [0.5])
  }

  /// A NaN must reach the logits, where it is reported; a clamp must not hide it.
  @Test(arguments: InstructionSet.supported, Nonlinearity.allCases)
  func nanIsPropagated(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    #expect(apply(nonlinearity, set, [1, .nan, -1]).map(\.isNaN) == [false, true, false])
  }
}
