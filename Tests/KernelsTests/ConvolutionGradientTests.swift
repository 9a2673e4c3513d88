import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The kernels for gradients of weights, of every instruction set of this machine.
struct ConvolutionGradientTests {
  /// All widths up to `nr`, all heights around `mr`, one and several segments.
  @Test(arguments: InstructionSet.supported, [false, true])
  func transposedProduct(_ set: InstructionSet, _ accumulates: Bool) {
    let gemm = set.kernels.gemm
    for n in stride(from: 8, through: gemm.nr, by: 8) {
      for k in 1...(2 * gemm.mr + 5) {
        for (m, segments) in [(1, 1), (2, 1), (7, 1), (33, 1), (5, 3), (3, 0)] {
          if let fault = fault(
            set.kernels, m: m, segments: segments, k: k, n: n, accumulates: accumulates)
          {
            Issue.record("\(segments) · \(m) rows, \(k) × \(n): \(fault)")
            return
          }
        }
      }
    }
  }

  private func fault(
    _ kernels: Kernels.KernelTable, m: Int, segments: Int, k: Int, n: Int, accumulates: Bool
  ) -> String? {
    var noise = Noise(m * 1000 + n * 10 + k)
    // Gaps between rows and between segments, which must be neither read nor written.
    let (lda, ldb, ldc) = (k + 3, n + 5, n + 8)
    let (segmentA, segmentB) = (m * lda + 7, m * ldb + 2)
    var a = [Float](repeating: .nan, count: max(1, segments) * segmentA)
    var b = [Float](repeating: .nan, count: max(1, segments) * segmentB)
    let before = noise.array(k * ldc)
    var expected = before.map(Double.init)
    for row in 0..<k {
      for column in 0..<n where !accumulates { expected[row * ldc + column] = 0 }
    }
    for segment in 0..<segments {
      for row in 0..<m {
        let (x, y) = (noise.array(k), noise.array(n))
        a.replaceSubrange(
          segment * segmentA + row * lda..<segment * segmentA + row * lda + k, with: x)
        b.replaceSubrange(
          segment * segmentB + row * ldb..<segment * segmentB + row * ldb + n, with: y)
        for (i, x) in x.enumerated() {
          for (j, y) in y.enumerated() { expected[i * ldc + j] += Double(x) * Double(y) }
        }
      }
    }
    let (left, right, c) = (AlignedBuffer(a), AlignedBuffer(b), AlignedBuffer(before))
    kernels.training.weightGradient(
      WeightGradientBlock(
        m: m, segments: segments, k: k, n: n, a: left.base, lda: lda, segmentStrideA: segmentA,
        b: right.base, ldb: ldb, segmentStrideB: segmentB, c: c.base, ldc: ldc,
        accumulates: accumulates))
    return Reference.firstOutlier(c.values, expected, within: 1e-5)
  }

  /// Each kernel that is compiled separately and some that are not; images without an interior; odd and
  /// even rows.
  @Test(arguments: InstructionSet.supported)
  func depthwise(_ set: InstructionSet) {
    for (side, stride) in [(3, 1), (3, 2), (5, 1), (5, 2), (7, 1), (1, 1), (2, 3)] {
      for width in 1...13 {
        for channels in [8, 24, 40] {
          for padding in 0..<side {
            if let fault = depthwiseFault(
              set.kernels, side: side, stride: stride, width: width, channels: channels,
              padding: padding)
            {
              Issue.record(
                "side \(side), stride \(stride), \(width) × \(channels), padding \(padding): \(fault)"
              )
              return
            }
          }
        }
      }
    }
  }

  private func depthwiseFault(
    _ kernels: Kernels.KernelTable, side: Int, stride: Int, width: Int, channels: Int, padding: Int
  ) -> String? {
    var noise = Noise(side * stride * width * channels + padding)
    // Channels beyond those to compute, which must be neither read nor written.
    let positionStride = channels + 8
    let height = 4
    let outputWidth = (width + stride - 1) / stride
    let rows = 1..<max(2, (height + stride - 1) / stride)
    func map(_ positions: Int) -> AlignedBuffer {
      AlignedBuffer(
        (0..<positions).flatMap { _ in
          noise.array(channels) + [Float](repeating: .nan, count: 8)
        })
    }
    let x = map(height * width)
    let gradient = map(rows.upperBound * outputWidth)
    let before = noise.array(side * side * positionStride)
    let sums = AlignedBuffer(before)
    var expected = before.map(Double.init)
    var inner: [Int] = []
    for column in 0..<outputWidth {
      let left = column * stride - padding
      if left >= 0 && left + side <= width { inner.append(column) }
      for row in rows {
        for tap in 0..<side * side {
          let (line, position) = (row * stride - padding + tap / side, left + tap % side)
          guard 0..<height ~= line && 0..<width ~= position else { continue }
          for channel in 0..<channels {
            let value = x.base[(line * width + position) * positionStride + channel]
            let slope = gradient.base[(row * outputWidth + column) * positionStride + channel]
            expected[tap * positionStride + channel] += Double(value) * Double(slope)
          }
        }
      }
    }
    kernels.training.depthwiseGradient(
      DepthwiseGradient(
        side: side, stride: stride, paddingTop: padding, paddingLeft: padding, channels: channels,
        x: x.base, inputHeight: height, inputWidth: width, inputStride: positionStride,
        gradient: gradient.base, outputWidth: outputWidth, outputStride: positionStride,
        rows: rows, inner: (inner.first ?? 0)..<(inner.last.map { $0 + 1 } ?? 0), sums: sums.base,
        sumStride: positionStride))
    return Reference.firstOutlier(sums.values, expected, within: 1e-5)
  }
}
