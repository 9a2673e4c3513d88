import Host
import Operators
import Testing

/// The depthwise operators, alone and after an expansion, with the sums they leave.
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
        inputStep: channelStep(channels), outputHeight: (height + stride - 1) / stride,
        outputWidth: (width + stride - 1) / stride, outputChannels: channels, kernel: kernel,
        stride: stride, paddingTop: padding, paddingLeft: padding)
    }

    /// 1×1 from 12 channels.
    var expansion: ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: 12, inputStep: 16,
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
  func depthwise(_ c: Case, _ set: InstructionSet) throws {
    var noise = Noise(c.height * c.width * c.channels)
    let images = (0..<2).map { _ in noise.array(c.height * c.width * c.channels) }
    let filter = Filter(&noise, count: c.channels, depth: c.kernel * c.kernel)
    let work = try filter.withFilter(.silu) {
      try DepthwiseConvolution(c.geometry, $0, kernels: set.kernels)
    }
    let expected = images.map { filter.expected(c.geometry, groups: c.channels, $0, .silu) }
    check(work, c, images, channels: c.channels, expected)
  }

  @Test(arguments: cases, InstructionSet.supported)
  func expandThenDepthwise(_ c: Case, _ set: InstructionSet) throws {
    var noise = Noise(c.height * c.width * c.channels)
    let images = (0..<2).map { _ in noise.array(c.height * c.width * 12) }
    let expand = Filter(&noise, count: c.channels, depth: 12)
    let filter = Filter(&noise, count: c.channels, depth: c.kernel * c.kernel)
    let work = try expand.withFilter(.relu6) { expand in
      try filter.withFilter(.hardSwish) {
        try ExpandDepthwise(
          expansion: c.expansion, expand, depthwise: c.geometry, $0, kernels: set.kernels)
      }
    }
    let expected = images.map { image in
      let expanded = expand.expected(c.expansion, groups: 1, image, .relu6).map { Float($0) }
      return filter.expected(c.geometry, groups: c.channels, expanded, .hardSwish)
    }
    check(work, c, images, channels: 12, expected)
  }

  private func check(
    _ work: some SummingOperator, _ c: Case, _ images: [[Float]], channels: Int,
    _ expected: [[Double]]
  ) {
    let g = c.geometry
    let input = AlignedBuffer.positions(images, channels: channels, step: channelStep(channels))
    let output = AlignedBuffer([Float](repeating: .nan, count: images.count * g.outputCount))
    let sumCount = work.partialSums * g.outputStep
    let sums = AlignedBuffer([Float](repeating: .nan, count: images.count * sumCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: output.base, residual: nil, gate: nil, sums: sums.base,
      scratch: scratch.base)
    for task in (0..<work.taskCount(batch: images.count)).reversed() {
      work.run(task: task, batch: images.count, memory)
    }
    for (image, expected) in expected.enumerated() {
      let found = output.image(
        image, positions: g.outputPositions, channels: c.channels, step: g.outputStep)
      var fault = Reference.firstOutlier(found, expected, within: 3e-5)
      #expect(fault == nil, "\(work.strategy), image \(image)")
      let totals = (0..<c.channels).map { channel in
        (0..<work.partialSums).reduce(Float(0)) {
          $0 + sums.base[image * sumCount + $1 * g.outputStep + channel]
        }
      }
      let expectedTotals = (0..<c.channels).map { channel in
        stride(from: channel, to: expected.count, by: c.channels).reduce(0) { $0 + expected[$1] }
      }
      fault = Reference.firstOutlier(totals, expectedTotals, within: 1e-3)
      #expect(fault == nil, "\(work.strategy), sums of image \(image)")
    }
  }
}

/// Weights of one convolution, for the operator and for the reference.
struct Filter {
  let weights: [Float]
  let scale: [Double]
  let bias: [Double]

  init(_ noise: inout Noise, count: Int, depth: Int) {
    weights = noise.array(count * depth)
    scale = noise.array(count).map { 1 + Double($0) / 2 }
    bias = noise.array(count).map(Double.init)
  }

  func withFilter<Result>(
    _ nonlinearity: Nonlinearity, _ body: (ConvolutionFilter) throws -> Result
  ) rethrows -> Result {
    try weights.withUnsafeBufferPointer {
      try body(ConvolutionFilter(weights: $0, scale: scale, bias: bias, nonlinearity: nonlinearity))
    }
  }

  func expected(
    _ geometry: ConvolutionGeometry, groups: Int, _ input: [Float], _ nonlinearity: Nonlinearity
  ) -> [Double] {
    Reference.convolution(
      geometry, groups: groups, input: input, weights: weights, scale: scale, bias: bias,
      nonlinearity: nonlinearity)
  }
}

extension AlignedBuffer {
  /// Images one after another, each position `step` floats, zeros after its channels.
  static func positions(_ images: [[Float]], channels: Int, step: Int) -> AlignedBuffer {
    var values: [Float] = []
    for image in images {
      for position in 0..<image.count / channels {
        values += image[position * channels..<(position + 1) * channels]
        values += [Float](repeating: 0, count: step - channels)
      }
    }
    return AlignedBuffer(values)
  }

  /// One image without what pads its positions.
  func image(_ image: Int, positions: Int, channels: Int, step: Int) -> [Float] {
    (0..<positions).flatMap { position in
      UnsafeBufferPointer(start: base + (image * positions + position) * step, count: channels)
    }
  }
}
