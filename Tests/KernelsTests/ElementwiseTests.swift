import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The elementwise kernels of every instruction set of this machine.
struct ElementwiseTests {
  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func epilogue(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for channels in stride(from: 8, through: 88, by: 8) {
      for rows in [1, 2, 5] {
        for hasResidual in [false, true] {
          var noise = Noise(channels + rows)
          let step = channels + 8
          let before = noise.array(rows * step).map { $0 * 8 }
          let c = AlignedBuffer(before)
          let bias = AlignedBuffer(noise.array(channels))
          let residual = AlignedBuffer(noise.array(rows * channels))
          set.kernels.epilogue(
            Epilogue(
              rows: rows, channels: channels, c: c.base, ldc: step, bias: bias.base,
              residual: hasResidual ? UnsafePointer(residual.base) : nil, ldResidual: channels,
              nonlinearity: nonlinearity))
          let expected = before.enumerated().map { index, value in
            let (row, channel) = (index / step, index % step)
            guard channel < channels else { return Double(value) }
            return Reference.apply(nonlinearity, Double(value + bias.base[channel]))
              + (hasResidual ? Double(residual.base[row * channels + channel]) : 0)
          }
          let fault = Reference.firstOutlier(c.values, expected, within: 1e-6)
          #expect(fault == nil, "\(rows) rows of \(channels), residual \(hasResidual)")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func sums(_ set: InstructionSet) {
    for channels in stride(from: 8, through: 88, by: 8) {
      for rows in [1, 2, 3, 49] {
        var noise = Noise(channels * rows)
        let step = channels + 8
        let x = AlignedBuffer(noise.array(rows * step))
        let sum = AlignedBuffer([Float](repeating: 77, count: step))
        set.kernels.sum(
          ChannelSum(
            rows: rows, channels: channels, x: x.base, xStride: step, factor: 0.5, out: sum.base))
        let expected = (0..<step).map { channel in
          channel < channels
            ? (0..<rows).reduce(0.0) { $0 + Double(x.base[$1 * step + channel]) } / 2 : 77
        }
        let fault = Reference.firstOutlier(sum.values, expected, within: 1e-5)
        #expect(fault == nil, "sum: \(rows) rows of \(channels)")
      }
    }
  }
}
