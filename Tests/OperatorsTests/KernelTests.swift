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

  /// Whole images and strips of them, sizes smaller than the kernel included.
  @Test(arguments: InstructionSet.supported, Kernels.Nonlinearity.allCases)
  func depthwise(_ set: InstructionSet, _ nonlinearity: Kernels.Nonlinearity) {
    for kernel in [3, 5] {
      for stride in 1...2 {
        for (height, width) in [(1, 1), (2, 3), (5, 4), (7, 13), (9, 28)] {
          for padding in Set([0, (kernel - 2) / 2, kernel / 2]) {
            for channels in [8, 24, 40, 88] {
              if let fault = depthwiseFault(
                set.kernels, nonlinearity, kernel: kernel, stride: stride, height: height,
                width: width, padding: padding, channels: channels)
              {
                Issue.record(
                  """
                  kernel \(kernel), stride \(stride), \(height) × \(width) × \(channels), \
                  \(padding) before: \(fault)
                  """)
                return
              }
            }
          }
        }
      }
    }
  }

  private func depthwiseFault(
    _ kernels: KernelTable, _ nonlinearity: Kernels.Nonlinearity, kernel: Int, stride: Int,
    height: Int,
    width: Int, padding: Int, channels: Int
  ) -> String? {
    var noise = Noise(kernel * stride * height * width * channels + padding)
    // Outputs as SAME has them: every stride-th position, zeros after where needed.
    let (outputHeight, outputWidth) = (
      (height + stride - 1) / stride, (width + stride - 1) / stride
    )
    let geometry = ConvolutionGeometry(
      inputHeight: height, inputWidth: width, inputChannels: channels, inputStep: channels,
      outputHeight: outputHeight, outputWidth: outputWidth, outputChannels: channels,
      kernel: kernel, stride: stride, paddingTop: padding, paddingLeft: padding)
    let taps = kernel * kernel
    let x = AlignedBuffer(noise.array(height * width * channels))
    let weights = AlignedBuffer(noise.array(taps * channels))
    let bias = AlignedBuffer(noise.array(channels))
    let out = AlignedBuffer([Float](repeating: 77, count: outputHeight * outputWidth * channels))
    let split = outputHeight / 2
    let sums = AlignedBuffer([Float](repeating: 0, count: 2 * channels))
    for (strip, rows) in [0..<split, split..<outputHeight].enumerated() {
      kernels.depthwise(
        DepthwiseRows(
          kernel: kernel, stride: stride, paddingTop: padding, paddingLeft: padding,
          channels: channels, x: x.base, inputHeight: height, inputWidth: width,
          inputStep: channels, out: out.base + rows.lowerBound * outputWidth * channels,
          firstRow: rows.lowerBound, rows: rows.count, outputWidth: outputWidth,
          outputStep: channels, weights: weights.base, weightStep: channels, bias: bias.base,
          nonlinearity: nonlinearity, sums: sums.base + strip * channels))
    }
    var inOrder = [Float](repeating: 0, count: taps * channels)
    for tap in 0..<taps {
      for channel in 0..<channels {
        inOrder[channel * taps + tap] = weights.base[tap * channels + channel]
      }
    }
    let expected = Reference.convolution(
      geometry, groups: channels, input: x.values, weights: inOrder,
      scale: [Double](repeating: 1, count: channels),
      bias: bias.values.map(Double.init), nonlinearity: nonlinearity)
    if let fault = Reference.firstOutlier(out.values, expected, within: 1e-5) { return fault }
    let totals = (0..<channels).map { sums.base[$0] + sums.base[channels + $0] }
    let expectedTotals = (0..<channels).map { channel in
      Swift.stride(from: channel, to: expected.count, by: channels).reduce(0) { $0 + expected[$1] }
    }
    return Reference.firstOutlier(totals, expectedTotals, within: 1e-4).map { "sums: \($0)" }
  }
}
