import Host
import InstructionSets
import Operators
import Testing

/// Every variant of Winograd's method, alone and with the projection that follows.
struct WinogradTests {
  struct Case: Sendable, CustomTestStringConvertible {
    var height: Int
    var width: Int
    var input: Int
    var output: Int
    var padding = 1
    var hasResidual = false
    var nonlinearity = Nonlinearity.identity

    var testDescription: String {
      "\(height)x\(width)x\(input) → \(output), padding \(padding), \(nonlinearity)"
        + (hasResidual ? ", residual" : "")
    }

    func layer(_ geometry: ConvolutionGeometry) -> ConvolutionLayer {
      ConvolutionLayer(kind: .convolution, geometry: geometry, nonlinearity: nonlinearity)
    }

    /// With padding 0, the last row and column of taps lie outside the image, as SAME has it.
    func geometry(stride: Int) -> ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: input, inputStride: input,
        outputHeight: (height + stride - 1) / stride, outputWidth: (width + stride - 1) / stride,
        outputChannels: output, kernel: 3, stride: stride, paddingTop: padding,
        paddingLeft: padding)
    }
  }

  /// Maps that no tiles fill, maps smaller than a tile, one chunk and many, chunks narrower than the
  /// map, outputs that leave half vectors and padding.
  static let cases: [Case] = [
    Case(height: 12, width: 12, input: 16, output: 16),
    Case(height: 9, width: 11, input: 24, output: 20, nonlinearity: .silu),
    Case(height: 33, width: 30, input: 16, output: 56, hasResidual: true, nonlinearity: .relu6),
    Case(height: 27, width: 25, input: 8, output: 72, padding: 0, nonlinearity: .hardSwish),
    Case(height: 1, width: 220, input: 16, output: 8, hasResidual: true, nonlinearity: .sigmoid),
    Case(height: 50, width: 3, input: 40, output: 100, padding: 0),
    Case(height: 2, width: 2, input: 8, output: 1, nonlinearity: .relu),
    Case(height: 14, width: 15, input: 200, output: 24, nonlinearity: .silu),
  ]

  /// Also with products of 16-bit integers, whose error the transforms multiply.
  @Test(arguments: cases, InstructionSet.supported)
  func convolution(_ c: Case, _ set: InstructionSet) {
    for precision in precisions(set) {
      for variant in WinogradVariant.allCases {
        let g = c.geometry(stride: variant.stride)
        var noise = Noise(c.height * c.width * c.input)
        let images = (0..<2).map { _ in noise.array(c.height * c.width * c.input) }
        let filter = Filter(&noise, count: c.output, depth: g.depth)
        let work = WinogradConvolution(c.layer(g), variant, precision, kernels: set.kernels)
        let expected = images.map { filter.expected(g, groups: 1, $0, c.nonlinearity) }
        check(
          work, [filter], variant, c, input: g, output: g, images, expected,
          within: precision == .int16 ? 0.015 : nil)
      }
    }
  }

  /// A weight that is not finite makes its channel's outputs so, and no other's.
  @Test(arguments: InstructionSet.supported)
  func nonFiniteWeights(_ set: InstructionSet) {
    let c = Case(height: 6, width: 6, input: 16, output: 16)
    let g = c.geometry(stride: 1)
    for precision in precisions(set) {
      let work = WinogradConvolution(c.layer(g), .six, precision, kernels: set.kernels)
      var weights = [Float](repeating: 1, count: c.output * g.depth)
      weights[3 * g.depth + 5] = .nan
      let filter = Filter(
        weights: weights, scale: .init(repeating: 1, count: c.output),
        bias: .init(repeating: 0, count: c.output))
      let packed = PackedOperator(work, [filter])
      let input = AlignedBuffer([Float](repeating: 1, count: g.inputCount))
      let output = AlignedBuffer([Float](repeating: 0, count: g.outputCount))
      let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
      let memory = OperatorMemory(
        input: input.base, output: output.base, residual: nil, packed: packed.base,
        scratch: scratch.base)
      for task in 0..<work.taskCount(batch: 1) { work.run(task: task, batch: 1, memory) }
      for (index, value) in output.values.enumerated() {
        #expect(value.isFinite == (index % c.output != 3), "\(precision), \(index)")
      }
    }
  }

  private func precisions(_ set: InstructionSet) -> [ProductPrecision] {
    set.kernels.int16 == nil ? [.f32] : [.f32, .int16]
  }

  @Test(arguments: cases, InstructionSet.supported)
  func expansionAndProjection(_ c: Case, _ set: InstructionSet) {
    for precision in precisions(set) { expansionAndProjection(c, set, precision) }
  }

  private func expansionAndProjection(
    _ c: Case, _ set: InstructionSet, _ precision: ProductPrecision
  ) {
    for variant in WinogradVariant.allCases {
      let expansion = c.geometry(stride: variant.stride)
      var projection = expansion
      (projection.kernel, projection.stride, projection.inputChannels) = (1, 1, c.output)
      (projection.inputHeight, projection.inputWidth) = (
        expansion.outputHeight, expansion.outputWidth
      )
      projection.inputStride = expansion.outputStride
      (projection.paddingTop, projection.paddingLeft, projection.outputChannels) = (0, 0, 20)
      var noise = Noise(c.height * c.width * c.input + 1)
      let images = (0..<2).map { _ in noise.array(c.height * c.width * c.input) }
      let expand = Filter(&noise, count: c.output, depth: expansion.depth)
      let project = Filter(&noise, count: 20, depth: c.output)
      let work = WinogradProject(
        c.layer(expansion),
        ConvolutionLayer(kind: .convolution, geometry: projection, nonlinearity: .identity),
        variant, precision, project: precision, on: .kernels(set))
      let expected = images.map { image in
        let expanded = expand.expected(expansion, groups: 1, image, c.nonlinearity)
        return project.expected(projection, groups: 1, expanded.map(Float.init), .identity)
      }
      check(
        work, [expand, project], variant, c, input: expansion, output: projection, images, expected,
        within: precision == .int16 ? 0.015 : nil)
    }
  }

  /// The allowed deviation from the exact result, relative to the largest.
  ///
  /// The transforms add and subtract values far larger than the result; the more outputs a tile
  /// has, the larger.
  private func bound(_ variant: WinogradVariant) -> Double {
    switch variant {
    case .four: 1e-5
    case .six: 2e-5
    case .fourStrided: 4e-6
    }
  }

  private func check(
    _ work: some Operator, _ filters: [Filter], _ variant: WinogradVariant, _ c: Case,
    input g: ConvolutionGeometry, output o: ConvolutionGeometry, _ images: [[Float]],
    _ expected: [[Double]], within tolerance: Double? = nil
  ) {
    let packed = PackedOperator(work, filters)
    var noise = Noise(c.output)
    let residuals = images.map { _ in noise.array(o.outputPositions * o.outputChannels) }
    let input = AlignedBuffer.positions(images, channels: c.input, stride: g.inputStride)
    let residual = AlignedBuffer.positions(
      residuals, channels: o.outputChannels, stride: o.outputStride)
    let output = AlignedBuffer([Float](repeating: .nan, count: images.count * o.outputCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: output.base,
      residual: c.hasResidual ? UnsafePointer(residual.base) : nil, packed: packed.base,
      scratch: scratch.base)
    // Any order works.
    for task in (0..<work.taskCount(batch: images.count)).reversed() {
      work.run(task: task, batch: images.count, memory)
    }
    for image in images.indices {
      let found = output.image(
        image, positions: o.outputPositions, channels: o.outputChannels, stride: o.outputStride)
      let expected = zip(expected[image], residuals[image]).map {
        $0 + (c.hasResidual ? Double($1) : 0)
      }
      let largest = expected.map(abs).max() ?? 0
      let worst = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      let isFinite = found.allSatisfy { $0.isFinite }
      #expect(isFinite, "\(type(of: work)), image \(image)")
      #expect(
        worst <= (tolerance ?? bound(variant)) * largest,
        "\(variant), image \(image): \(worst) of \(largest)")
    }
  }
}
