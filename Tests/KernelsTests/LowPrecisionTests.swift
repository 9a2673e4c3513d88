import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The GEMMs in bf16, int8 and int16 of this machine: those of every instruction set with every selection of the
/// extensions that this processor has, down to the emulations.
struct LowPrecisionTests {
  /// The kernels of an instruction set with some extensions.
  struct Variant: CustomStringConvertible, Sendable {
    let instructionSet: InstructionSet
    let extensions: Set<InstructionSetExtension>

    var kernels: KernelTable { instructionSet.kernels(with: extensions) }

    /// The GEMMs below f32; there is none in int16 without instructions for it.
    var products: [GEMMKernel] {
      let kernels = kernels
      return [kernels.bf16, kernels.int8] + (kernels.int16.map { [$0] } ?? [])
    }

    var description: String {
      ([instructionSet.rawValue] + extensions.map(\.rawValue).sorted()).joined(separator: "+")
    }

    static let all = InstructionSet.supported.flatMap { set in
      subsets(of: Array(set.supportedExtensions)).map {
        Variant(instructionSet: set, extensions: $0)
      }
    }

    private static func subsets(
      of extensions: [InstructionSetExtension]
    ) -> [Set<InstructionSetExtension>] {
      extensions.reduce([[]]) { subsets, next in subsets + subsets.map { $0.union([next]) } }
    }
  }

  /// Rows of A that a kernel has converted.
  private struct Converted {
    let words: AlignedBuffer
    let scales: AlignedBuffer
    let lda: Int
    let depth: Int
  }

  private static let guardValue: Float = 77

  private func convert(
    _ gemm: GEMMKernel, _ a: [Float], rows: Int, channels: Int, gate: [Float]? = nil
  ) -> Converted {
    let words = channels / gemm.elementsPerWord
    let depth = (words + gemm.depthUnit - 1) / gemm.depthUnit * gemm.depthUnit
    let lda = depth + 16
    let x = AlignedBuffer(a)
    let factors = AlignedBuffer(gate ?? [0])
    // A padding word that stays NaN would reach the product.
    let out = AlignedBuffer([Float](repeating: .nan, count: rows * lda))
    let scales = AlignedBuffer([Float](repeating: .nan, count: 2 * rows))
    gemm.convert(
      Panel(
        rows: rows, channels: channels, x: x.base, xStride: channels,
        gate: gate == nil ? nil : UnsafePointer(factors.base), out: out.base, outStride: lda,
        partWords: depth, isPadded: words < depth,
        largest: 4095, scales: scales.base))
    return Converted(words: out, scales: scales, lda: lda, depth: depth)
  }

  /// The value that element `index` of row `row` stands for.
  private func value(
    _ gemm: GEMMKernel, _ converted: Converted, row: Int, _ index: Int
  ) -> Double {
    let word = converted.words.base[row * converted.lda + index / gemm.elementsPerWord].bitPattern
    switch gemm.elementType {
    case "bf16":
      return Double(Float(bitPattern: (word >> (16 * UInt32(index % 2))) << 16))
    case "int16":
      let q = Int16(truncatingIfNeeded: word >> (16 * UInt32(index % 2)))
      return Double(converted.scales.base[2 * row]) * Double(q)
    default:
      let q = Double(word >> (8 * UInt32(index % 4)) & 0xff)
      return Double(converted.scales.base[2 * row + 1])
        + Double(converted.scales.base[2 * row]) * q
    }
  }

  // MARK: Conversion

  private static let rows: [(name: String, values: [Float])] = {
    var noise = Noise(5)
    var huge = noise.array(40)
    huge[17] = 1e30
    return [
      ("noise", noise.array(40)), ("zeros", [Float](repeating: 0, count: 40)),
      ("constant", [Float](repeating: -3.25, count: 40)),
      ("one huge value", huge), ("denormals", noise.array(40).map { $0 * 1e-20 * 1e-19 }),
      ("ties", (0..<40).map { 1 + Float($0) * 0x1p-8 }),
    ]
  }()

  @Test(arguments: Variant.all)
  func bf16RoundsToNearestEven(_ variant: Variant) {
    let gemm = variant.kernels.bf16
    for (name, values) in Self.rows {
      let converted = convert(gemm, values, rows: 1, channels: values.count)
      for (index, x) in values.enumerated() {
        let found = value(gemm, converted, row: 0, index)
        // Denormals may be flushed to zero.
        let expected = x.magnitude < .leastNormalMagnitude ? 0 : Double(x.roundedToBF16)
        let isExact = found == expected || abs(found - expected) < 1.2e-38
        #expect(isExact, "\(name)[\(index)]: \(x) → \(found), expected \(expected)")
      }
    }
  }

  @Test(arguments: Variant.all)
  func int8ErrsByHalfAStep(_ variant: Variant) {
    let gemm = variant.kernels.int8
    for (name, values) in Self.rows where name != "denormals" {
      let converted = convert(gemm, values, rows: 1, channels: values.count)
      let step = Double(converted.scales.base[0])
      #expect(abs(step * 255 - Double(values.max()! - values.min()!)) <= 1e-6 * step * 255)
      for (index, x) in values.enumerated() {
        let error = abs(value(gemm, converted, row: 0, index) - Double(x))
        #expect(error <= 0.501 * step + 1e-6 * Double(x.magnitude), "\(name)[\(index)]: \(x)")
      }
    }
  }

  @Test(arguments: Variant.all.filter { $0.kernels.int16 != nil })
  func int16ErrsByHalfAStep(_ variant: Variant) throws {
    let gemm = try #require(variant.kernels.int16)
    for (name, values) in Self.rows where name != "denormals" {
      let converted = convert(gemm, values, rows: 1, channels: values.count)
      let step = Double(converted.scales.base[0])
      let largest = Double(values.map(\.magnitude).max()!)
      #expect(abs(step * 4095 - largest) <= 1e-6 * largest)
      for (index, x) in values.enumerated() {
        let error = abs(value(gemm, converted, row: 0, index) - Double(x))
        #expect(error <= 0.501 * step, "\(name)[\(index)]: \(x)")
      }
    }
    // Too small to have an inverse.
    let tiny = convert(gemm, [Float](repeating: 1e-32, count: 8), rows: 1, channels: 8)
    #expect((0..<8).allSatisfy { value(gemm, tiny, row: 0, $0) == 0 })
  }

  @Test(arguments: Variant.all)
  func gatesApplyBeforeConversion(_ variant: Variant) {
    var noise = Noise(8)
    for channels in [8, 16, 24, 40] {
      let x = noise.array(3 * channels)
      let gate = noise.array(channels)
      let product = x.indices.map { x[$0] * gate[$0 % channels] }
      for gemm in variant.products {
        let gated = convert(gemm, x, rows: 3, channels: channels, gate: gate)
        let plain = convert(gemm, product, rows: 3, channels: channels)
        for row in 0..<3 {
          for index in 0..<channels {
            #expect(
              value(gemm, gated, row: row, index) == value(gemm, plain, row: row, index),
              "\(gemm.name), \(channels) channels")
          }
        }
      }
    }
  }

  // MARK: Products

  /// A product of some shape, compared with the sum of the values that the words stand for.
  private func fault(
    _ gemm: GEMMKernel, m: Int, n: Int, k: Int, _ nonlinearity: Nonlinearity, hasResidual: Bool
  ) -> String? {
    var noise = Noise(m * 1000 + n * 10 + k)
    let converted = convert(gemm, noise.array(m * k), rows: m, channels: k)
    let depth = converted.depth
    let (b, steps, sums, weights) = packedB(gemm, &noise, n: n, k: k, depth: depth)
    let bias = AlignedBuffer(noise.array(n))
    let ldc = n + 8
    let residual = AlignedBuffer(noise.array(m * ldc))
    let c = AlignedBuffer([Float](repeating: Self.guardValue, count: m * ldc))
    gemm.run(
      GEMMBlock(
        m: m, n: n, k: depth, a: converted.words.base, lda: converted.lda, b: b.base, c: c.base,
        ldc: ldc, bias: bias.base, residual: hasResidual ? UnsafePointer(residual.base) : nil,
        ldResidual: ldc, nonlinearity: nonlinearity,
        quantization: Quantization(
          rows: converted.scales.base, steps: steps.base, sums: sums.base)))
    var expected = [Double](repeating: Double(Self.guardValue), count: m * ldc)
    for row in 0..<m {
      for column in 0..<n {
        var sum = Double(bias.base[column])
        for index in 0..<k {
          sum += value(gemm, converted, row: row, index) * weights[index * n + column]
        }
        expected[row * ldc + column] =
          Reference.apply(nonlinearity, sum)
          + (hasResidual ? Double(residual.base[row * ldc + column]) : 0)
      }
    }
    let isApproximate = nonlinearity == .approximateSiLU || nonlinearity == .approximateSigmoid
    return Reference.firstOutlier(c.values, expected, within: isApproximate ? 2e-4 : 2e-5)
  }

  /// Random words of B, and the values that they stand for, [k, n].
  private func packedB(
    _ gemm: GEMMKernel, _ noise: inout Noise, n: Int, k: Int, depth: Int
  ) -> (b: AlignedBuffer, steps: AlignedBuffer, sums: AlignedBuffer, values: [Double]) {
    let b = AlignedBuffer([Float](repeating: 0, count: depth * n))
    let unit: Float = gemm.elementType == "int16" ? 0.001 : 0.01
    let steps = AlignedBuffer(noise.array(n).map { unit * (1 + $0.magnitude) })
    let sums = AlignedBuffer([Float](repeating: 0, count: n))
    var values = [Double](repeating: 0, count: k * n)
    for index in 0..<k {
      for column in 0..<n {
        let word = index / gemm.elementsPerWord * n + column
        let bits: UInt32
        if gemm.elementType == "bf16" {
          let rounded = noise.next().roundedToBF16
          bits = (rounded.bitPattern >> 16) << (16 * UInt32(index % 2))
          values[index * n + column] = Double(rounded)
        } else {
          let isByte = gemm.elementType == "int8"
          let q = Int32(noise.next() * (isByte ? 127 : 2000))
          bits =
            isByte
            ? UInt32(bitPattern: q & 0xff) << (8 * UInt32(index % 4))
            : UInt32(bitPattern: q & 0xffff) << (16 * UInt32(index % 2))
          values[index * n + column] = Double(steps.base[column]) * Double(q)
          sums.base[column] += steps.base[column] * Float(q)
        }
        b.base[word] = Float(bitPattern: b.base[word].bitPattern | bits)
      }
    }
    return (b, steps, sums, values)
  }

  @Test(arguments: Variant.all)
  func productsMatchTheReference(_ variant: Variant) {
    for gemm in variant.products { productsMatchTheReference(gemm) }
  }

  private func productsMatchTheReference(_ gemm: GEMMKernel) {
    let heights = [1, 2, 5, 8, 15, 16, 17, 31, 33, 2 * gemm.mr + 5]
    for n in stride(from: 8, through: gemm.nr, by: 8) {
      for m in heights {
        for k in [8, 24, 40, 136] {
          if let fault = fault(gemm, m: m, n: n, k: k, .relu6, hasResidual: m % 2 == 1) {
            Issue.record("\(gemm.name), \(m) × \(k) × \(n): \(fault)")
            return
          }
        }
      }
    }
    for nonlinearity in Nonlinearity.allCases {
      for hasResidual in [false, true] {
        let fault = fault(gemm, m: 11, n: 8, k: 48, nonlinearity, hasResidual: hasResidual)
        #expect(fault == nil, "\(gemm.name), \(nonlinearity)")
      }
    }
  }

  /// The processor's instructions and their emulation agree: exactly at int8, to the order of additions
  /// at bf16.
  @Test(arguments: InstructionSet.supported)
  func emulationAgreesWithTheProcessor(_ set: InstructionSet) {
    let emulated = set.kernels(with: [])
    #expect(emulated.bf16.isEmulated && emulated.int8.isEmulated)
    for variant in Variant.all where variant.instructionSet == set {
      let native = variant.kernels
      #expect(native.bf16.isEmulated == variant.extensions.isDisjoint(with: [.bf16, .amx]))
      #expect(native.int8.isEmulated == variant.extensions.isDisjoint(with: [.vnni, .amx]))
      let bf16 = (product(native.bf16), product(emulated.bf16))
      for (found, expected) in zip(bf16.0, bf16.1) {
        #expect(abs(found - expected) <= 4e-6 * max(1, abs(expected)), "\(variant)")
      }
      #expect(product(native.int8) == product(emulated.int8), "\(variant)")
    }
  }

  private func product(_ gemm: GEMMKernel) -> [Float] {
    let (m, n, k) = (19, 8, 72)
    var noise = Noise(3)
    let converted = convert(gemm, noise.array(m * k), rows: m, channels: k)
    let (b, steps, sums, _) = packedB(gemm, &noise, n: n, k: k, depth: converted.depth)
    let bias = AlignedBuffer(noise.array(n))
    let c = AlignedBuffer([Float](repeating: 0, count: m * n))
    gemm.run(
      GEMMBlock(
        m: m, n: n, k: converted.depth, a: converted.words.base, lda: converted.lda, b: b.base,
        c: c.base, ldc: n, bias: bias.base,
        quantization: Quantization(
          rows: converted.scales.base, steps: steps.base, sums: sums.base)))
    return c.values
  }

  /// A value that is not finite makes its row's results NaN or infinite, and no other row's.
  @Test(arguments: Variant.all, [Float.nan, .infinity, -.infinity])
  func nonFiniteRowsStayNonFinite(_ variant: Variant, _ bad: Float) {
    let (m, n, k) = (3, 8, 40)
    for gemm in variant.products {
      for place in [0, 13, 39] {
        var noise = Noise(9)
        var a = noise.array(m * k)
        a[k + place] = bad
        let converted = convert(gemm, a, rows: m, channels: k)
        let (b, steps, sums, _) = packedB(gemm, &noise, n: n, k: k, depth: converted.depth)
        let c = AlignedBuffer([Float](repeating: 0, count: m * n))
        let bias = AlignedBuffer([Float](repeating: 1, count: n))
        gemm.run(
          GEMMBlock(
            m: m, n: n, k: converted.depth, a: converted.words.base, lda: converted.lda,
            b: b.base, c: c.base, ldc: n, bias: place == 0 ? nil : UnsafePointer(bias.base),
            quantization: Quantization(
              rows: converted.scales.base, steps: steps.base, sums: sums.base)))
        let finite = c.values.map(\.isFinite)
        #expect(finite[..<n].allSatisfy { $0 } && finite[(2 * n)...].allSatisfy { $0 })
        #expect(!finite[n..<2 * n].contains(true), "\(gemm.name), \(place)")
      }
    }
  }

  /// The references reject a product that is off by one step of a single weight.
  @Test func referenceSeesOneStep() {
    let expected = [Double](repeating: 1, count: 4)
    #expect(Reference.firstOutlier([1, 1, 1.0003, 1], expected, within: 2e-4) != nil)
  }
}

extension Float {
  /// The nearest bf16, ties to even.
  fileprivate var roundedToBF16: Float {
    let low = bitPattern & 0xffff
    let down = Float(bitPattern: bitPattern - low)
    let up = Float(bitPattern: down.bitPattern + 0x10000)
    if low == 0x8000 { return down.bitPattern >> 16 & 1 == 0 ? down : up }
    return low < 0x8000 ? down : up
  }
}
