import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The GEMM of every instruction set of this machine, one block at a time.
struct GEMMTests {
  /// A block's shape, and how its rows of A fall into segments.
  private struct Shape: CustomStringConvertible {
    var m: Int
    var n: Int
    var k: Int
    var segments = 1

    var description: String { "\(m) × (\(segments) · \(k)) × \(n)" }
  }

  /// All widths up to `nr`, all heights around `mr`, depths from none to many.
  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func everyEpilogue(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    let gemm = set.kernels.gemm
    for n in stride(from: 8, through: gemm.nr, by: 8) {
      for m in 1...(2 * gemm.mr + 5) {
        for (k, segments) in [(1, 1), (2, 1), (7, 1), (40, 1), (5, 3), (3, 0)] {
          for hasResidual in [false, true] {
            let shape = Shape(m: m, n: n, k: k, segments: segments)
            if let fault = fault(gemm, shape, nonlinearity, hasResidual: hasResidual) {
              Issue.record("\(shape), residual \(hasResidual): \(fault)")
              return
            }
          }
        }
      }
    }
  }

  /// Without bias, residual and nonlinearity, as Winograd's products are.
  @Test(arguments: InstructionSet.supported)
  func plain(_ set: InstructionSet) {
    let gemm = set.kernels.gemm
    for n in stride(from: 8, through: gemm.nr, by: 8) {
      for m in 1...(2 * gemm.mr + 5) {
        for (k, segments) in [(1, 1), (16, 1), (5, 3)] {
          let shape = Shape(m: m, n: n, k: k, segments: segments)
          if let fault = fault(gemm, shape, nil, hasResidual: false) {
            Issue.record("\(shape): \(fault)")
            return
          }
        }
      }
    }
  }

  /// Each part of an epilogue alone: a block without a bias still adds its residual.
  @Test(arguments: InstructionSet.supported)
  func residualWithoutBias(_ set: InstructionSet) {
    let a = AlignedBuffer([2])
    let b = AlignedBuffer([Float](repeating: 3, count: 8))
    let residual = AlignedBuffer([Float](repeating: 10, count: 8))
    let c = AlignedBuffer([Float](repeating: 77, count: 8))
    set.kernels.gemm.run(
      GEMMBlock(
        m: 1, n: 8, k: 1, a: a.base, lda: 1, b: b.base, c: c.base, ldc: 8,
        residual: residual.base, ldResidual: 8))
    #expect(c.values == [Float](repeating: 16, count: 8))
  }

  /// Packing relies on both.
  @Test(arguments: InstructionSet.supported)
  func tileShape(_ set: InstructionSet) {
    let gemm = set.kernels.gemm
    #expect(gemm.nr % 8 == 0 && gemm.nr >= 8 && gemm.mr >= 1)
    #expect(gemm.name == "f32 \(gemm.mr)×\(gemm.nr)")
  }

  /// The error in the product, or nil; without a nonlinearity, of a plain product.
  private func fault(
    _ gemm: GEMMKernel, _ shape: Shape, _ nonlinearity: Kernels.Nonlinearity?, hasResidual: Bool
  ) -> String? {
    let (m, n, k) = (shape.m, shape.n, shape.k)
    var noise = Noise(m * 1000 + n * 10 + k)
    // Gaps between rows and between segments, which must be neither read nor written.
    let segmentStride = k + 2
    let lda = shape.segments * segmentStride + 3
    let ldc = n + 8
    let depth = shape.segments * k
    var values = [Float](repeating: .nan, count: m * lda)
    for row in 0..<m {
      for segment in 0..<shape.segments {
        for (index, value) in noise.array(k).enumerated() {
          values[row * lda + segment * segmentStride + index] = value
        }
      }
    }
    let a = AlignedBuffer(values)
    let b = AlignedBuffer(noise.array(max(1, depth * n)))
    let bias = AlignedBuffer(noise.array(n))
    let residual = AlignedBuffer(noise.array(m * ldc))
    let c = AlignedBuffer([Float](repeating: 77, count: m * ldc))
    var block = GEMMBlock(
      m: m, n: n, k: k, segments: shape.segments, segmentStride: segmentStride, a: a.base,
      lda: lda, b: b.base, c: c.base, ldc: ldc)
    if let nonlinearity {
      block.bias = UnsafePointer(bias.base)
      block.nonlinearity = nonlinearity
    }
    if hasResidual {
      block.residual = UnsafePointer(residual.base)
      block.ldResidual = ldc
    }
    gemm.run(block)
    var expected = [Double](repeating: 77, count: m * ldc)
    for row in 0..<m {
      for column in 0..<n {
        var sum = nonlinearity == nil ? 0 : Double(bias.base[column])
        for index in 0..<depth {
          let x = values[row * lda + index / k * segmentStride + index % k]
          sum += Double(x) * Double(b.base[index * n + column])
        }
        expected[row * ldc + column] =
          Reference.apply(nonlinearity ?? .identity, sum)
          + (hasResidual ? Double(residual.base[row * ldc + column]) : 0)
      }
    }
    return Reference.firstOutlier(c.values, expected, within: 1e-5)
  }
}
