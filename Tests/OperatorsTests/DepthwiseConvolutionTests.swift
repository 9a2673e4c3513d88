import Host
import InstructionSets
import Operators
import Testing

/// The depthwise operators, alone and after an expansion, including their sums.
struct DepthwiseConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var height: Int
    var width: Int
    var channels: Int
    var kernel: Int
    var stride: Int
    var padding: Int

    var testDescription: String {
      "\(height)x\(width)x\(channels), kernel \(kernel), stride \(stride), padding \(padding)"
    }

    var geometry: ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: channels,
        inputStride: channelStride(channels), outputHeight: (height + stride - 1) / stride,
        outputWidth: (width + stride - 1) / stride, outputChannels: channels, kernel: kernel,
        stride: stride, paddingTop: padding, paddingLeft: padding)
    }

    /// 1×1 from 12 channels.
    var expansion: ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: 12, inputStride: 16,
        outputHeight: height, outputWidth: width, outputChannels: channels, kernel: 1, stride: 1,
        paddingTop: 0, paddingLeft: 0)
    }
  }

  static let cases: [Case] = [
    Case(height: 1, width: 1, channels: 8, kernel: 3, stride: 1, padding: 1),
    Case(height: 14, width: 14, channels: 96, kernel: 5, stride: 1, padding: 2),
    Case(height: 15, width: 9, channels: 20, kernel: 3, stride: 2, padding: 1),
    Case(height: 16, width: 22, channels: 136, kernel: 5, stride: 2, padding: 1),
    Case(height: 112, width: 120, channels: 72, kernel: 3, stride: 2, padding: 0),
    Case(height: 2, width: 3, channels: 28, kernel: 5, stride: 2, padding: 2),
  ]

  @Test(arguments: cases, InstructionSet.supported)
  func depthwise(_ c: Case, _ set: InstructionSet) {
    var noise = Noise(c.height * c.width * c.channels)
    let images = (0..<2).map { _ in noise.array(c.height * c.width * c.channels) }
    let filter = Filter(&noise, count: c.channels, depth: c.kernel * c.kernel)
    let work = DepthwiseConvolution(
      ConvolutionLayer(kind: .depthwise, geometry: c.geometry, nonlinearity: .silu),
      kernels: set.kernels)
    let expected = images.map { filter.expected(c.geometry, groups: c.channels, $0, .silu) }
    check(work, [filter], c, images, channels: c.channels, expected)
  }

  @Test(arguments: cases, InstructionSet.supported)
  func expandThenDepthwise(_ c: Case, _ set: InstructionSet) {
    var noise = Noise(c.height * c.width * c.channels)
    let images = (0..<2).map { _ in noise.array(c.height * c.width * 12) }
    let expand = Filter(&noise, count: c.channels, depth: 12)
    let filter = Filter(&noise, count: c.channels, depth: c.kernel * c.kernel)
    let work = ExpandDepthwise(
      ConvolutionLayer(kind: .convolution, geometry: c.expansion, nonlinearity: .relu6),
      ConvolutionLayer(kind: .depthwise, geometry: c.geometry, nonlinearity: .hardSwish),
      .f32, on: .kernels(set))
    let expected = images.map { image in
      let expanded = expand.expected(c.expansion, groups: 1, image, .relu6).map { Float($0) }
      return filter.expected(c.geometry, groups: c.channels, expanded, .hardSwish)
    }
    check(work, [expand, filter], c, images, channels: 12, expected)
  }

  private func check(
    _ work: some Operator, _ filters: [Filter], _ c: Case, _ images: [[Float]], channels: Int,
    _ expected: [[Double]]
  ) {
    let packed = PackedOperator(work, filters)
    let g = c.geometry
    let input = AlignedBuffer.positions(images, channels: channels, stride: channelStride(channels))
    let output = AlignedBuffer([Float](repeating: .nan, count: images.count * g.outputCount))
    let sumCount = work.partialSums * g.outputStride
    let sums = AlignedBuffer([Float](repeating: .nan, count: images.count * sumCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: output.base, sums: sums.base, packed: packed.base,
      scratch: scratch.base)
    for task in (0..<work.taskCount(batch: images.count)).reversed() {
      work.run(task: task, batch: images.count, memory)
    }
    for (image, expected) in expected.enumerated() {
      let found = output.image(
        image, positions: g.outputPositions, channels: c.channels, stride: g.outputStride)
      var fault = Reference.firstOutlier(found, expected, within: 3e-5)
      #expect(fault == nil, "\(type(of: work)), image \(image)")
      let totals = (0..<c.channels).map { channel in
        (0..<work.partialSums).reduce(Float(0)) {
          $0 + sums.base[image * sumCount + $1 * g.outputStride + channel]
        }
      }
      let expectedTotals = (0..<c.channels).map { channel in
        stride(from: channel, to: expected.count, by: c.channels).reduce(0) { $0 + expected[$1] }
      }
      fault = Reference.firstOutlier(totals, expectedTotals, within: 1e-3)
      #expect(fault == nil, "\(type(of: work)), sums of image \(image)")
    }
  }
}
