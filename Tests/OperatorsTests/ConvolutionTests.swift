import Host
import InstructionSets
import Operators
import Testing

/// Operators as the engine calls them: packed, split into tasks, with padded channels.
struct ConvolutionTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var height: Int
    var width: Int
    var input: Int
    var output: Int
    var kernel = 1
    var stride = 1
    var padding = 0
    var inputStride: Int?
    var isGated = false
    var hasResidual = false
    var nonlinearity = Nonlinearity.identity

    var testDescription: String {
      "\(height)x\(width)x\(input) → \(output), kernel \(kernel), stride \(stride), padding"
        + " \(padding), \(nonlinearity)\(isGated ? ", gate" : "")\(hasResidual ? ", residual" : "")"
    }

    var layer: ConvolutionLayer {
      ConvolutionLayer(kind: .convolution, geometry: geometry, nonlinearity: nonlinearity)
    }

    var geometry: ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: input,
        inputStride: inputStride ?? channelStride(input),
        outputHeight: (height + stride - 1) / stride, outputWidth: (width + stride - 1) / stride,
        outputChannels: output, kernel: kernel, stride: stride, paddingTop: padding,
        paddingLeft: padding)
    }
  }

  static let cases: [Case] = [
    Case(height: 1, width: 1, input: 8, output: 8),
    Case(height: 7, width: 5, input: 24, output: 40, nonlinearity: .silu),
    Case(height: 7, width: 5, input: 12, output: 20, hasResidual: true),
    Case(height: 30, width: 17, input: 16, output: 88, hasResidual: true, nonlinearity: .relu),
    Case(height: 9, width: 6, input: 20, output: 28, isGated: true, nonlinearity: .hardSwish),
    Case(height: 20, width: 20, input: 96, output: 16, isGated: true, hasResidual: true),
    Case(
      height: 11, width: 14, input: 3, output: 12, kernel: 3, stride: 2, padding: 1, inputStride: 3),
    Case(
      height: 10, width: 15, input: 3, output: 24, kernel: 3, stride: 2, padding: 0, inputStride: 3,
      nonlinearity: .relu6),
    Case(height: 8, width: 9, input: 12, output: 16, kernel: 3, padding: 1, nonlinearity: .sigmoid),
    Case(height: 6, width: 6, input: 8, output: 8, kernel: 3, padding: 1, hasResidual: true),
    Case(height: 2, width: 1, input: 8, output: 8, kernel: 5, stride: 2, padding: 2),
    Case(height: 9, width: 9, input: 8, output: 8, kernel: 1, stride: 2),
  ]

  @Test(arguments: cases, InstructionSet.supported)
  func productWithOpenBLAS(_ c: Case, _ set: InstructionSet) throws {
    let target = try ComputeTarget.openBLAS(set)
    try check(c, GEMMConvolution(c.layer, .f32, isGated: c.isGated, on: target))
  }

  @Test(arguments: cases.filter(\.geometry.isPointwise), InstructionSet.supported)
  func productWithOurKernels(_ c: Case, _ set: InstructionSet) throws {
    try check(c, GEMMConvolution(c.layer, .f32, isGated: c.isGated, on: .kernels(set)))
  }

  /// Kernels wider than the image, images without an interior, several strips.
  static let directCases: [Case] =
    cases.filter { !$0.geometry.isPointwise } + [
      Case(height: 3, width: 2, input: 8, output: 56, kernel: 5, padding: 2, hasResidual: true),
      Case(
        height: 70, width: 61, input: 3, output: 40, kernel: 3, stride: 2, padding: 1,
        inputStride: 3,
        nonlinearity: .hardSwish),
      Case(
        height: 41, width: 33, input: 24, output: 72, kernel: 3, stride: 2, padding: 0,
        hasResidual: true, nonlinearity: .silu),
      Case(height: 12, width: 13, input: 20, output: 28, kernel: 1, stride: 3),
    ]

  @Test(arguments: directCases, InstructionSet.supported)
  func readInPlace(_ c: Case, _ set: InstructionSet) throws {
    try check(c, DirectConvolution(c.layer, kernels: set.kernels))
  }

  @Test(arguments: [1, 2, 5, 9], InstructionSet.supported)
  func linearLayers(_ batch: Int, _ set: InstructionSet) throws {
    let c = Case(height: 1, width: 1, input: 20, output: 1003, nonlinearity: .hardSwish)
    try check(c, batch: batch, LinearLayer(c.layer, .f32, on: .openBLAS(set)))
    try check(c, batch: batch, LinearLayer(c.layer, .f32, on: .kernels(set)))
  }

  /// Compares one image, and each of a batch, with the plain computation.
  private func check(_ c: Case, batch: Int = 2, _ work: some Operator) throws {
    let g = c.geometry
    var noise = Noise(c.height * c.width * c.input * c.output)
    let filter = Filter(&noise, count: c.output, depth: g.depth)
    let packed = PackedOperator(work, [filter])
    let images = (0..<batch).map { _ in noise.array(c.height * c.width * c.input) }
    let gates = (0..<batch).map { _ in noise.array(c.input) }
    let residuals = (0..<batch).map { _ in noise.array(g.outputPositions * c.output) }
    let input = AlignedBuffer.positions(images, channels: c.input, stride: g.inputStride)
    let gate = AlignedBuffer.positions(gates, channels: c.input, stride: channelStride(c.input))
    let residual = AlignedBuffer.positions(residuals, channels: c.output, stride: g.outputStride)
    let output = AlignedBuffer([Float](repeating: .nan, count: batch * g.outputCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: output.base,
      residual: c.hasResidual ? UnsafePointer(residual.base) : nil,
      gate: c.isGated ? UnsafePointer(gate.base) : nil, packed: packed.base, scratch: scratch.base)
    // Any order works.
    for task in (0..<work.taskCount(batch: batch)).reversed() {
      work.run(task: task, batch: batch, memory)
    }
    for image in 0..<batch {
      var x = images[image]
      if c.isGated { for index in x.indices { x[index] *= gates[image][index % c.input] } }
      var expected = filter.expected(g, groups: 1, x, c.nonlinearity)
      if c.hasResidual { for i in expected.indices { expected[i] += Double(residuals[image][i]) } }
      let found = output.image(
        image, positions: g.outputPositions, channels: c.output, stride: g.outputStride)
      let largest = expected.map(abs).max() ?? 0
      let fault = Reference.firstOutlier(found, expected, within: 5e-6 * max(1, largest))
      #expect(fault == nil, "\(type(of: work)), image \(image)")
    }
  }
}
