import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The Winograd transforms of every instruction set of this machine, against their matrices.
struct WinogradTransformTests {
  @Test(arguments: InstructionSet.supported, WinogradVariant.allCases)
  func input(_ set: InstructionSet, _ variant: Kernels.WinogradVariant) {
    let size = variant.inputs
    for channels in [8, 16, 24, 40] {
      var noise = Noise(channels + size)
      // Gaps between positions, rows and elements, which must be neither read nor written.
      let positionStride = channels + 3
      let rowStride = size * positionStride + 5
      let elementStride = channels + 8
      var values = [Float](repeating: .nan, count: size * rowStride)
      for position in 0..<size * size {
        let start = position / size * rowStride + position % size * positionStride
        for (channel, value) in noise.array(channels).enumerated() {
          values[start + channel] = value
        }
      }
      let x = AlignedBuffer(values)
      let out = AlignedBuffer([Float](repeating: 77, count: size * size * elementStride))
      let scratch = AlignedBuffer([Float](repeating: .nan, count: 81 * set.kernels.lanes))
      set.kernels.winogradInput(
        WinogradInput(
          variant: variant, channels: channels, x: x.base, rowStride: rowStride,
          positionStride: positionStride, out: out.base, elementStride: elementStride,
          scratch: scratch.base))
      var expected = [Double](repeating: 77, count: out.count)
      for channel in 0..<channels {
        let tile = (0..<size).map { row in
          (0..<size).map { Double(values[row * rowStride + $0 * positionStride + channel]) }
        }
        for (index, value) in transform(tile, by: variant.inputMatrix).joined().enumerated() {
          expected[index * elementStride + channel] = value
        }
      }
      let fault = Reference.firstOutlier(
        out.values, expected, within: rounding(variant.inputMatrix))
      #expect(fault == nil, "\(channels) channels")
    }
  }

  /// Tiles in the image and tiles that overhang its right and lower edge.
  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func output(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for variant in WinogradVariant.allCases {
      let m = variant.outputs
      for (rows, columns) in [(m, m), (1, m), (m - 1, 2), (2, 1)] {
        for channels in [8, 24, 48] {
          for hasResidual in [false, true] {
            let fault = outputFault(
              set.kernels, variant, nonlinearity, rows: rows, columns: columns, channels: channels,
              hasResidual: hasResidual)
            #expect(
              fault == nil,
              "\(variant), \(rows) × \(columns) × \(channels), residual \(hasResidual)")
          }
        }
      }
    }
  }

  private func outputFault(
    _ kernels: Kernels.KernelTable, _ variant: Kernels.WinogradVariant,
    _ nonlinearity: Kernels.Nonlinearity, rows: Int,
    columns: Int, channels: Int, hasResidual: Bool
  ) -> String? {
    let (m, size) = (variant.outputs, variant.inputs)
    var noise = Noise(channels + size * rows + columns)
    let elementStride = channels + 8
    let positionStride = channels + 3
    let rowStride = m * positionStride + 5
    let products = AlignedBuffer(noise.array(size * size * elementStride))
    let bias = AlignedBuffer(noise.array(channels))
    let residual = AlignedBuffer(noise.array(m * rowStride))
    let out = AlignedBuffer([Float](repeating: 77, count: m * rowStride))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: 81 * kernels.lanes))
    kernels.winogradOutput(
      WinogradOutput(
        variant: variant, channels: channels, products: products.base,
        elementStride: elementStride, out: out.base, rowStride: rowStride,
        positionStride: positionStride, rows: rows, columns: columns, bias: bias.base,
        residual: hasResidual ? UnsafePointer(residual.base) : nil, nonlinearity: nonlinearity,
        scratch: scratch.base))
    var expected = [Double](repeating: 77, count: out.count)
    for channel in 0..<channels {
      let tile = (0..<size).map { row in
        (0..<size).map { Double(products.base[(row * size + $0) * elementStride + channel]) }
      }
      let sums = transform(tile, by: variant.outputMatrix)
      for row in 0..<rows {
        for column in 0..<columns {
          let index = row * rowStride + column * positionStride + channel
          expected[index] =
            Reference.apply(nonlinearity, sums[row][column] + Double(bias.base[channel]))
            + (hasResidual ? Double(residual.base[index]) : 0)
        }
      }
    }
    return Reference.firstOutlier(
      out.values, expected, within: rounding(variant.outputMatrix))
  }

  /// M · tile · Mᵀ.
  private func transform(_ tile: [[Double]], by matrix: [[Double]]) -> [[Double]] {
    let columns = tile[0].indices
    let half = matrix.map { row in
      columns.map { column in zip(row, tile).reduce(0) { $0 + $1.0 * $1.1[column] } }
    }
    return half.map { line in
      matrix.map { row in zip(row, line).reduce(0) { $0 + $1.0 * $1.1 } }
    }
  }

  /// The rounding errors of sums of values in [−1, 1): in proportion to the largest sum, which may
  /// cancel.
  private func rounding(_ matrix: [[Double]]) -> Double {
    let largest = matrix.map { $0.reduce(0) { $0 + abs($1) } }.max() ?? 0
    return 3e-7 * largest * largest
  }
}

extension WinogradVariant {
  /// Bᵀ.
  fileprivate var inputMatrix: [[Double]] {
    switch self {
    case .four:
      [
        [4, 0, -5, 0, 1, 0],
        [0, -4, -4, 1, 1, 0],
        [0, 4, -4, -1, 1, 0],
        [0, -2, -1, 2, 1, 0],
        [0, 2, -1, -2, 1, 0],
        [0, 4, 0, -5, 0, 1],
      ]
    case .six:
      [
        [1, 0, -5.25, 0, 5.25, 0, -1, 0],
        [0, 1, 1, -4.25, -4.25, 1, 1, 0],
        [0, -1, 1, 4.25, -4.25, -1, 1, 0],
        [0, 0.5, 0.25, -2.5, -1.25, 2, 1, 0],
        [0, -0.5, 0.25, 2.5, -1.25, -2, 1, 0],
        [0, 2, 4, -2.5, -5, 0.5, 1, 0],
        [0, -2, 4, 2.5, -5, -0.5, 1, 0],
        [0, -1, 0, 5.25, 0, -5.25, 0, 1],
      ]
    case .fourStrided:
      [
        [2, 0, -1, 0, -2, 0, 1, 0, 0],
        [0, 0, -2, 0, -1, 0, 1, 0, 0],
        [0, 0, 2, 0, -3, 0, 1, 0, 0],
        [0, 0, -1, 0, 0, 0, 1, 0, 0],
        [0, 0, 2, 0, -1, 0, -2, 0, 1],
        [0, 1, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 1, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0, 1, 0, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 1, 0],
      ]
    }
  }

  /// Aᵀ.
  fileprivate var outputMatrix: [[Double]] {
    switch self {
    case .four:
      [
        [1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0],
        [0, 1, 1, 4, 4, 0],
        [0, 1, -1, 8, -8, 1],
      ]
    case .six:
      [
        [1, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, -1, 2, -2, 0.5, -0.5, 0],
        [0, 1, 1, 4, 4, 0.25, 0.25, 0],
        [0, 1, -1, 8, -8, 0.125, -0.125, 0],
        [0, 1, 1, 16, 16, 0.0625, 0.0625, 0],
        [0, 1, -1, 32, -32, 0.03125, -0.03125, 1],
      ]
    case .fourStrided:
      [
        [1, 1, 1, 1, 0, 1, 0, 0, 0],
        [0, 1, -1, 2, 0, 0, 1, 0, 0],
        [0, 1, 1, 4, 0, 0, 0, 1, 0],
        [0, 1, -1, 8, 1, 0, 0, 0, 1],
      ]
    }
  }
}
