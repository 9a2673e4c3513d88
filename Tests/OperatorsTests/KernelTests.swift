import Host
import Kernels
import Operators
import Testing

/// Every kernel of every instruction set of this machine against plain Double.
struct KernelTests {
  /// The packed product: widths that the set has tiles for, rows around each tile's height.
  @Test(arguments: InstructionSet.supported, Kernels.Nonlinearity.allCases)
  func multiply(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    let kernels = set.kernels
    for width in stride(from: 8, through: kernels.maximumColumns, by: 8) {
      for rows in 1...17 {
        for depth in [1, 2, 7, 40] {
          for hasResidual in [false, true] {
            if let fault = multiplyFault(
              kernels, nonlinearity, rows: rows, width: width, depth: depth,
              hasResidual: hasResidual)
            {
              Issue.record(
                "\(rows) × \(depth) × \(width), residual \(hasResidual): \(fault)")
              return
            }
          }
        }
      }
    }
  }

  private func multiplyFault(
    _ kernels: KernelTable, _ nonlinearity: Kernels.Nonlinearity, rows: Int, width: Int, depth: Int,
    hasResidual: Bool
  ) -> String? {
    var noise = Noise(rows * 1000 + width * 10 + depth)
    // Rows further apart than they are long: what lies between must not be read or written.
    let aStride = depth + 3
    let cStride = width + 8
    let a = AlignedBuffer(
      (0..<rows).flatMap { _ in noise.array(depth) + [.nan, .nan, .nan] })
    let b = AlignedBuffer(noise.array(depth * width))
    let bias = AlignedBuffer(noise.array(width))
    let residual = AlignedBuffer(noise.array(rows * cStride))
    let zeros = AlignedBuffer([Float](repeating: 0, count: width))
    let c = AlignedBuffer([Float](repeating: 77, count: rows * cStride))
    kernels.multiply(
      MatrixProduct(
        rows: rows, depth: depth, a: a.base, aStride: aStride, b: b.base, bias: bias.base,
        c: c.base, cStride: cStride,
        residual: hasResidual ? UnsafePointer(residual.base) : nil, residualStride: cStride,
        zeros: zeros.base, nonlinearity: nonlinearity),
      width)
    var expected = [Double](repeating: 77, count: rows * cStride)
    for row in 0..<rows {
      for column in 0..<width {
        let sum = (0..<depth).reduce(Double(bias.base[column])) {
          $0 + Double(a.base[row * aStride + $1]) * Double(b.base[$1 * width + column])
        }
        expected[row * cStride + column] =
          Reference.apply(nonlinearity, sum)
          + (hasResidual ? Double(residual.base[row * cStride + column]) : 0)
      }
    }
    return Reference.firstOutlier(c.values, expected, within: 1e-5)
  }

  @Test(arguments: InstructionSet.supported, Kernels.Nonlinearity.allCases)
  func finish(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for channels in stride(from: 8, through: 88, by: 8) {
      for rows in [1, 2, 5] {
        for hasResidual in [false, true] {
          var noise = Noise(channels + rows)
          let step = channels + 8
          let before = noise.array(rows * step).map { $0 * 8 }
          let c = AlignedBuffer(before)
          let bias = AlignedBuffer(noise.array(channels))
          let residual = AlignedBuffer(noise.array(rows * channels))
          set.kernels.finish(
            Epilogue(
              rows: rows, channels: channels, c: c.base, cStride: step, bias: bias.base,
              residual: hasResidual ? UnsafePointer(residual.base) : nil, residualStride: channels,
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
  func scaleAndSum(_ set: InstructionSet) {
    for channels in stride(from: 8, through: 88, by: 8) {
      for rows in [1, 2, 3, 49] {
        var noise = Noise(channels * rows)
        let step = channels + 8
        let x = AlignedBuffer(noise.array(rows * step))
        let gate = AlignedBuffer(noise.array(channels))
        let scaled = AlignedBuffer([Float](repeating: 77, count: rows * step))
        set.kernels.scale(
          ChannelScale(
            rows: rows, channels: channels, x: x.base, xStride: step, gate: gate.base,
            out: scaled.base, outStride: step))
        for index in 0..<rows * step {
          let channel = index % step
          let expected = channel < channels ? x.base[index] * gate.base[channel] : 77
          #expect(scaled.base[index] == expected, "scale: \(rows) rows of \(channels)")
        }
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

  /// Every shape that is compiled on its own, and one that is not; every length of a run; kernels cut
  /// by the image's edge.
  @Test(arguments: InstructionSet.supported, Kernels.Nonlinearity.allCases)
  func depthwise(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
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
    _ kernels: KernelTable, _ nonlinearity: Kernels.Nonlinearity, side: Int, stride: Int,
    width: Int, kernelRows: Int, channels: Int
  ) -> String? {
    var noise = Noise(side * stride * width * channels + kernelRows)
    // What lies between positions, rows and taps must be neither read nor written.
    let (inputStep, outputStep, weightStep) = (channels + 8, channels + 16, channels + 1)
    let rowStride = ((width - 1) * stride + side) * inputStep + 5
    let gap = AlignedBuffer([Float](repeating: .nan, count: side * rowStride))
    let weights = AlignedBuffer(noise.array(side * side * weightStep))
    let bias = AlignedBuffer(noise.array(channels))
    let out = AlignedBuffer([Float](repeating: 77, count: width * outputStep))
    let before = noise.array(channels)
    let sums = AlignedBuffer(before)
    for row in 0..<kernelRows {
      for position in 0..<(width - 1) * stride + side {
        for (channel, value) in noise.array(channels).enumerated() {
          gap.base[row * rowStride + position * inputStep + channel] = value
        }
      }
    }
    kernels.depthwise(
      DepthwiseRow(
        side: side, stride: stride, channels: channels, x: gap.base, inputStep: inputStep,
        rowStride: rowStride, weights: weights.base, weightStep: weightStep, kernelRows: kernelRows,
        bias: bias.base, out: out.base, width: width, outputStep: outputStep,
        nonlinearity: nonlinearity, sums: sums.base))
    var expected = [Double](repeating: 77, count: width * outputStep)
    var totals = before.map(Double.init)
    for position in 0..<width {
      for channel in 0..<channels {
        var sum = Double(bias.base[channel])
        for row in 0..<kernelRows {
          for column in 0..<side {
            let x = gap.base[row * rowStride + (position * stride + column) * inputStep + channel]
            sum += Double(x) * Double(weights.base[(row * side + column) * weightStep + channel])
          }
        }
        let value = Reference.apply(nonlinearity, sum)
        expected[position * outputStep + channel] = value
        totals[channel] += value
      }
    }
    if let fault = Reference.firstOutlier(out.values, expected, within: 1e-5) { return fault }
    return Reference.firstOutlier(sums.values, totals, within: 1e-4).map { "sums: \($0)" }
  }
}
