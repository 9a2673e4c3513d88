import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The depthwise kernels of every instruction set of this machine.
struct DepthwiseTests {
  /// Each kernel shape that is compiled separately and two that are not; each length of a run;
  /// kernels cut off by the image's edge.
  @Test(arguments: InstructionSet.supported, Nonlinearity.exact)
  func everyShape(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for (side, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (2, 3)] {
      for width in 1...18 {
        for kernelRows in [0, 1, side] {
          for channels in [8, 24, 40] {
            if let fault = depthwiseFault(
              set.kernels, nonlinearity, side: side, stride: stride, width: width,
              kernelRows: kernelRows, channels: channels)
            {
              Issue.record(
                """
                side \(side), stride \(stride), \(width) × \(channels), \(kernelRows) kernel \
                rows: \(fault)
                """)
              return
            }
          }
        }
      }
    }
  }

  private func depthwiseFault(
    _ kernels: Kernels.KernelTable, _ nonlinearity: Kernels.Nonlinearity, side: Int, stride: Int,
    width: Int, kernelRows: Int, channels: Int
  ) -> String? {
    var noise = Noise(side * stride * width * channels + kernelRows)
    // Gaps between positions and rows, which must be neither read nor written.
    let (inputStride, outputStride) = (channels + 8, channels + 16)
    // The channels begin after others, in a group of 16 or at its start.
    let firstChannel = max(8, kernels.lanes)
    let layout = DepthwiseWeights(taps: side * side)
    let rowStride = ((width - 1) * stride + side) * inputStride + 5
    let x = AlignedBuffer([Float](repeating: .nan, count: side * rowStride))
    let weights = AlignedBuffer(noise.array(layout.count(channels: firstChannel + channels)))
    func weight(_ tap: Int, _ channel: Int) -> Double {
      Double(weights.base[layout.offset(tap: tap, channel: firstChannel + channel)])
    }
    let out = AlignedBuffer([Float](repeating: 77, count: width * outputStride))
    let before = noise.array(channels)
    let sums = AlignedBuffer(before)
    for row in 0..<kernelRows {
      for position in 0..<(width - 1) * stride + side {
        for (channel, value) in noise.array(channels).enumerated() {
          x.base[row * rowStride + position * inputStride + channel] = value
        }
      }
    }
    kernels.depthwise(
      DepthwiseRow(
        side: side, stride: stride, channels: channels, x: x.base, inputStride: inputStride,
        rowStride: rowStride, weights: weights.base,
        bias: weights.base + layout.offset(tap: side * side, channel: 0),
        groupStride: layout.groupStride, firstChannel: firstChannel, kernelRows: kernelRows,
        out: out.base, width: width, outputStride: outputStride,
        nonlinearity: nonlinearity, sums: sums.base))
    var expected = [Double](repeating: 77, count: width * outputStride)
    var totals = before.map(Double.init)
    for position in 0..<width {
      for channel in 0..<channels {
        var sum = weight(side * side, channel)
        for row in 0..<kernelRows {
          for column in 0..<side {
            let value = x.base[
              row * rowStride + (position * stride + column) * inputStride + channel]
            sum += Double(value) * weight(row * side + column, channel)
          }
        }
        let value = Reference.apply(nonlinearity, sum)
        expected[position * outputStride + channel] = value
        totals[channel] += value
      }
    }
    if let fault = Reference.firstOutlier(out.values, expected, within: 1e-5) { return fault }
    return Reference.firstOutlier(sums.values, totals, within: 1e-4).map { "sums: \($0)" }
  }
}
