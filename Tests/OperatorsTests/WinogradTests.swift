import Host
import Operators
import Testing

/// Winograd's method in each of its forms, alone and with the projection that follows.
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

    /// With padding 0, the last row and column of taps lie outside the image, as SAME has it.
    func geometry(stride: Int) -> ConvolutionGeometry {
      ConvolutionGeometry(
        inputHeight: height, inputWidth: width, inputChannels: input, inputStep: input,
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

  @Test(arguments: cases, InstructionSet.supported)
  func convolution(_ c: Case, _ set: InstructionSet) throws {
    for form in WinogradVariant.allCases {
      let g = c.geometry(stride: form.stride)
      var noise = Noise(c.height * c.width * c.input)
      let images = (0..<2).map { _ in noise.array(c.height * c.width * c.input) }
      let filter = Filter(&noise, count: c.output, depth: g.depth)
      let work = try filter.withFilter(c.nonlinearity) {
        try WinogradConvolution(g, $0, form: form, kernels: set.kernels)
      }
      let expected = images.map { filter.expected(g, groups: 1, $0, c.nonlinearity) }
      check(work, form, c, input: g, output: g, images, expected)
    }
  }

  @Test(arguments: cases, InstructionSet.supported)
  func expansionAndProjection(_ c: Case, _ set: InstructionSet) throws {
    for form in WinogradVariant.allCases {
      let expansion = c.geometry(stride: form.stride)
      var projection = expansion
      (projection.kernel, projection.stride, projection.inputChannels) = (1, 1, c.output)
      (projection.inputHeight, projection.inputWidth) = (
        expansion.outputHeight, expansion.outputWidth
      )
      projection.inputStep = expansion.outputStep
      (projection.paddingTop, projection.paddingLeft, projection.outputChannels) = (0, 0, 20)
      var noise = Noise(c.height * c.width * c.input + 1)
      let images = (0..<2).map { _ in noise.array(c.height * c.width * c.input) }
      let expand = Filter(&noise, count: c.output, depth: expansion.depth)
      let project = Filter(&noise, count: 20, depth: c.output)
      let work = try expand.withFilter(c.nonlinearity) { expand in
        try project.withFilter(.identity) {
          try ExpandProject(
            expansion: expansion, expand, projection: projection, $0, form: form,
            kernels: set.kernels)
        }
      }
      let expected = images.map { image in
        let expanded = expand.expected(expansion, groups: 1, image, c.nonlinearity)
        return project.expected(projection, groups: 1, expanded.map(Float.init), .identity)
      }
      check(work, form, c, input: expansion, output: projection, images, expected)
    }
  }

  /// Small maps take small tiles; what the method cannot do, or does slower, takes none.
  @Test func choice() {
    func form(_ size: Int, channels: Int = 16, stride: Int = 1) -> WinogradVariant? {
      WinogradVariant.best(
        for: Case(height: size, width: size, input: channels, output: 16).geometry(stride: stride))
    }
    #expect(form(48) == .six)
    #expect(form(8) == .four)
    #expect(form(48, stride: 2) == .fourStrided)
    #expect(form(48, channels: 12) == nil)
    #expect(form(48, channels: 8) == nil)
    #expect(form(48, stride: 3) == nil)
    #expect(form(7) == nil)
  }

  /// How far a result may lie from the exact one, in units of the largest.
  ///
  /// The transforms add and subtract values far larger than the result; the more outputs a tile
  /// has, the larger.
  private func bound(_ form: WinogradVariant) -> Double {
    switch form {
    case .four: 1e-5
    case .six: 2e-5
    case .fourStrided: 4e-6
    }
  }

  private func check(
    _ work: any Operator, _ form: WinogradVariant, _ c: Case, input g: ConvolutionGeometry,
    output o: ConvolutionGeometry, _ images: [[Float]], _ expected: [[Double]]
  ) {
    var noise = Noise(c.output)
    let residuals = images.map { _ in noise.array(o.outputPositions * o.outputChannels) }
    let input = AlignedBuffer.positions(images, channels: c.input, step: g.inputStep)
    let residual = AlignedBuffer.positions(
      residuals, channels: o.outputChannels, step: o.outputStep)
    let output = AlignedBuffer([Float](repeating: .nan, count: images.count * o.outputCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: output.base,
      residual: c.hasResidual ? UnsafePointer(residual.base) : nil, gate: nil, sums: nil,
      scratch: scratch.base)
    // Any order will do.
    for task in (0..<work.taskCount(batch: images.count)).reversed() {
      work.run(task: task, batch: images.count, memory)
    }
    for image in images.indices {
      let found = output.image(
        image, positions: o.outputPositions, channels: o.outputChannels, step: o.outputStep)
      let expected = zip(expected[image], residuals[image]).map {
        $0 + (c.hasResidual ? Double($1) : 0)
      }
      let largest = expected.map(abs).max() ?? 0
      let worst = zip(found, expected).map { abs(Double($0) - $1) }.max() ?? .infinity
      let isFinite = found.allSatisfy { $0.isFinite }
      #expect(isFinite, "\(work.strategy), image \(image)")
      #expect(worst <= bound(form) * largest, "\(work.strategy), image \(image), of \(largest)")
    }
  }
}
