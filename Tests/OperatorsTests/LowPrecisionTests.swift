import Host
import InstructionSets
import Operators
import Testing

/// Operators at lower precision.
///
/// Values are multiples of 1/16 with few bits, which bf16 holds exactly: what is computed from them must
/// match the plain computation as closely as f32 does. int8 has no such values and gets an error bound.
struct LowPrecisionTests {
  typealias Case = ConvolutionTests.Case

  /// The kernels of each instruction set: with this processor's extensions one by one, and with none.
  static let tables: [(name: String, kernels: KernelTable)] = InstructionSet.supported.flatMap {
    set in
    ([[]] + set.supportedExtensions.map { [$0] }).map { (extensions: Set) in
      (
        ([set.rawValue] + extensions.map(\.rawValue)).joined(separator: "+"),
        set.kernels(with: extensions)
      )
    }
  }

  private static let pointwise: [Case] = [
    Case(height: 1, width: 1, input: 8, output: 8),
    Case(height: 7, width: 5, input: 24, output: 40, nonlinearity: .relu),
    Case(height: 7, width: 5, input: 12, output: 20, hasResidual: true),
    Case(height: 30, width: 17, input: 40, output: 88, hasResidual: true, nonlinearity: .relu),
    Case(height: 9, width: 6, input: 100, output: 28, isGated: true, nonlinearity: .hardSwish),
    Case(height: 20, width: 20, input: 96, output: 16, isGated: true, hasResidual: true),
  ]

  @Test(arguments: [Precision.bf16, .int8])
  func pointwiseConvolutions(_ precision: Precision) {
    for (name, kernels) in Self.tables {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: precision)
      for c in Self.pointwise {
        let work = GEMMConvolution(
          c.layer, ProductPrecision(precision), isGated: c.isGated, on: target)
        let fault = fault(work, [c], within: precision == .bf16 ? 5e-6 : 0.03)
        #expect(fault == nil, "\(c.testDescription) on \(name)")
      }
    }
  }

  @Test(arguments: [Precision.bf16, .int8], [1, 2, 9])
  func linearLayers(_ precision: Precision, _ batch: Int) {
    let c = Case(height: 1, width: 1, input: 100, output: 203, nonlinearity: .relu)
    for (name, kernels) in Self.tables {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: precision)
      let fault = fault(
        LinearLayer(c.layer, ProductPrecision(precision), on: target), [c], batch: batch,
        within: precision == .bf16 ? 5e-6 : 0.03)
      #expect(fault == nil, "\(name)")
    }
  }

  /// Split operands compute with all bits of f32: bf16 alone would err a hundred times as much.
  @Test func splitOperands() {
    for (name, kernels) in Self.tables where kernels.bf16x3 != nil {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      expectMoreAccurate(than: .bf16, .bf16x3, within: 2e-5, on: target, name)
      let expand = Self.convolutions[1]
      let project = Case(
        height: expand.geometry.outputHeight, width: expand.geometry.outputWidth,
        input: expand.output, output: 20)
      let work = ConvertedConvolution(expand.layer, project: (project.layer, .bf16x3), on: target)
      #expect(fault(work, [expand, project], within: 1e-5) == nil, "\(name)")
    }
  }

  /// 1×1 convolutions err by at most `tolerance`, and at the coarser precision by more than 5e-4.
  private func expectMoreAccurate(
    than coarser: ProductPrecision, _ precision: ProductPrecision, within tolerance: Double,
    on target: ComputeTarget, _ name: String
  ) {
    for c in Self.pointwise {
      let work = GEMMConvolution(c.layer, precision, isGated: c.isGated, on: target)
      let fault = fault(work, [c], isCoarse: false, within: tolerance)
      #expect(fault == nil, "\(c.testDescription) on \(name)")
      let rounded = GEMMConvolution(c.layer, coarser, isGated: c.isGated, on: target)
      #expect(self.fault(rounded, [c], isCoarse: false, within: 5e-4) != nil)
    }
  }

  /// 16-bit integers err far less than bf16.
  @Test func integersOf16Bits() {
    for (name, kernels) in Self.tables where kernels.int16 != nil {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      expectMoreAccurate(than: .bf16, .int16, within: 3e-4, on: target, name)
      let linear = Case(height: 1, width: 1, input: 1000, output: 203)
      let work = LinearLayer(linear.layer, .int16, on: target)
      for batch in [1, 2, 9] {
        #expect(
          fault(work, [linear], isCoarse: false, batch: batch, within: 1e-3) == nil, "\(name)")
      }
    }
  }

  /// A weight that is not finite makes its column's results so.
  @Test(arguments: [ProductPrecision.int8, .int16])
  func nonFiniteWeights(_ precision: ProductPrecision) {
    for (name, kernels) in Self.tables where precision != .int16 || kernels.int16 != nil {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      let c = Case(height: 1, width: 1, input: 24, output: 16)
      let work = GEMMConvolution(c.layer, precision, isGated: false, on: target)
      var weights = [Float](repeating: 1, count: 16 * 24)
      weights[3 * 24 + 5] = .nan
      let output = results(of: work, weights, inputs: [Float](repeating: 1, count: 24), outputs: 16)
      for column in 0..<16 {
        #expect(output[column].isFinite == (column != 3), "column \(column) on \(name)")
      }
    }
  }

  /// The output of a 1×1 convolution without bias.
  private func results(
    of work: GEMMConvolution, _ weights: [Float], inputs x: [Float], outputs: Int
  ) -> [Float] {
    let channels = weights.count / outputs
    let filter = Filter(
      weights: weights, scale: .init(repeating: 1, count: outputs),
      bias: .init(repeating: 0, count: outputs))
    let packed = PackedOperator(work, [filter])
    let input = AlignedBuffer.positions([x], channels: channels, stride: channelStride(channels))
    let output = AlignedBuffer([Float](repeating: .nan, count: x.count / channels * outputs))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    for task in 0..<work.taskCount(batch: 1) {
      work.run(
        task: task, batch: 1,
        OperatorMemory(
          input: input.base, output: output.base, residual: nil, gate: nil, packed: packed.base,
          scratch: scratch.base))
    }
    return output.values
  }

  /// The largest possible sum: all inputs are equal, and so are all weights, or their magnitudes.
  @Test(arguments: [8, 24, 1000, 9000])
  func sumsOf16BitsDoNotOverflow(_ inputs: Int) {
    for (name, kernels) in Self.tables where kernels.int16 != nil {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      let c = Case(height: 2, width: 1, input: inputs, output: 16)
      let work = GEMMConvolution(c.layer, .int16, isGated: false, on: target)
      // A few columns have one weight that is far larger than the others.
      let weights = (0..<16 * inputs).map { index -> Float in
        let sign: Float = index / inputs % 2 == 0 ? 1 : -1
        return index % inputs == 3 && index / inputs % 4 == 3 ? 1000 * sign : sign
      }
      let x = [Float](repeating: 2, count: inputs) + [Float](repeating: -2, count: inputs)
      let output = results(of: work, weights, inputs: x, outputs: 16)
      for index in 0..<32 {
        let column = index % 16
        let sum = weights[column * inputs..<(column + 1) * inputs].reduce(0, +)
        let expected = (index < 16 ? 2 : -2) * sum
        // Half a step in each product, of which the large weight is 32767.
        let rounding: Float = column % 4 == 3 ? 2 * 1000 / 65534 * Float(inputs) : 0
        #expect(
          abs(output[index] - expected) <= 1e-3 * abs(expected) + rounding,
          "column \(column) on \(name): \(output[index]), not \(expected)")
      }
    }
  }

  private static let convolutions: [Case] = [
    Case(height: 40, width: 33, input: 24, output: 24, kernel: 3, padding: 1, hasResidual: true),
    Case(height: 9, width: 37, input: 16, output: 56, kernel: 3, stride: 2, padding: 0),
    Case(height: 17, width: 12, input: 40, output: 88, kernel: 3, padding: 1, nonlinearity: .relu),
    Case(height: 2, width: 1, input: 16, output: 8, kernel: 5, stride: 2, padding: 2),
    Case(height: 13, width: 13, input: 20, output: 28, kernel: 5, padding: 2),
  ]

  @Test func convolutionsFromConvertedRows() {
    for (name, kernels) in Self.tables {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      for c in Self.convolutions {
        let fault = fault(ConvertedConvolution(c.layer, on: target), [c], within: 5e-6)
        #expect(fault == nil, "\(c.testDescription) on \(name)")
      }
    }
  }

  /// The expanded map is rounded before it is projected.
  @Test(arguments: [Precision.bf16, .int8])
  func fusedBottlenecks(_ precision: Precision) {
    for (name, kernels) in Self.tables {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: precision)
      for expand in Self.convolutions where !expand.hasResidual {
        let g = expand.geometry
        let project = Case(
          height: g.outputHeight, width: g.outputWidth, input: expand.output, output: 20,
          hasResidual: true)
        let work = ConvertedConvolution(
          expand.layer, project: (project.layer, ProductPrecision(precision)), on: target)
        let fault = fault(
          work, [expand, project], within: precision == .bf16 ? 0.01 : 0.03)
        #expect(fault == nil, "\(expand.testDescription) on \(name)")
      }
    }
  }

  @Test(arguments: [ProductPrecision.bf16, .int8, .int16])
  func expandThenDepthwise(_ precision: ProductPrecision) {
    for (name, kernels) in Self.tables where precision != .int16 || kernels.int16 != nil {
      let target = ComputeTarget(gemm: .kernels, kernels: kernels, precision: .bf16)
      for (height, width) in [(30, 21), (112, 40), (5, 3)] {
        let expand = Case(height: height, width: width, input: 100, output: 72)
        var depthwise = Case(
          height: height, width: width, input: 72, output: 72, kernel: 3, stride: 2, padding: 1)
        depthwise.nonlinearity = .relu
        let work = ExpandDepthwise(
          expand.layer,
          ConvolutionLayer(
            kind: .depthwise, geometry: depthwise.geometry, nonlinearity: .relu),
          precision, on: target)
        let fault = fault(
          work, [expand, depthwise], isDepthwise: true,
          within: precision == .bf16 ? 5e-6 : precision == .int16 ? 1e-3 : 0.03)
        #expect(fault == nil, "\(height)×\(width) on \(name)")
      }
    }
  }

  /// What is wrong with the output, or nil.
  ///
  /// - Parameters:
  ///   - isCoarse: whether bf16 holds the values exactly.
  ///   - tolerance: in units of the largest value.
  private func fault(
    _ work: some Operator, _ layers: [Case], isDepthwise: Bool = false, isCoarse: Bool = true,
    batch: Int = 2, within tolerance: Double
  ) -> String? {
    let (first, last) = (layers[0], layers[layers.count - 1])
    var noise = Noise(first.height * first.width * first.input * last.output)
    func values(_ count: Int) -> [Float] { isCoarse ? noise.coarse(count) : noise.array(count) }
    let filters = layers.enumerated().map { index, c in
      let depth = isDepthwise && index == 1 ? c.kernel * c.kernel : c.geometry.depth
      return Filter(
        weights: values(c.output * depth), scale: noise.array(c.output).map { $0 < 0 ? 0.5 : 2 },
        bias: noise.coarse(c.output).map(Double.init))
    }
    let packed = PackedOperator(work, filters)
    func images(_ count: Int) -> [[Float]] { (0..<batch).map { _ in values(count) } }
    let inputs = images(first.height * first.width * first.input)
    let gates = (0..<batch).map { _ in noise.array(first.input).map { $0 < 0 ? Float(0.5) : 1 } }
    let output = last.geometry
    let residuals = images(output.outputPositions * last.output)
    let input = AlignedBuffer.positions(
      inputs, channels: first.input, stride: first.geometry.inputStride)
    let gate = AlignedBuffer.positions(
      gates, channels: first.input, stride: channelStride(first.input))
    let residual = AlignedBuffer.positions(
      residuals, channels: last.output, stride: output.outputStride)
    let found = AlignedBuffer([Float](repeating: .nan, count: batch * output.outputCount))
    let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
    let memory = OperatorMemory(
      input: input.base, output: found.base,
      residual: last.hasResidual ? UnsafePointer(residual.base) : nil,
      gate: first.isGated ? UnsafePointer(gate.base) : nil, packed: packed.base,
      scratch: scratch.base)
    for task in (0..<work.taskCount(batch: batch)).reversed() {
      work.run(task: task, batch: batch, memory)
    }
    for image in 0..<batch {
      var x = inputs[image]
      if first.isGated { for i in x.indices { x[i] *= gates[image][i % first.input] } }
      var expected: [Double] = []
      for (index, c) in layers.enumerated() {
        expected = filters[index].expected(
          c.geometry, groups: isDepthwise && index == 1 ? c.input : 1, x, c.nonlinearity)
        x = expected.map(Float.init)
      }
      if last.hasResidual {
        for i in expected.indices { expected[i] += Double(residuals[image][i]) }
      }
      let values = found.image(
        image, positions: output.outputPositions, channels: last.output,
        stride: output.outputStride)
      let largest = max(1, expected.map(abs).max() ?? 0)
      if let fault = Reference.firstOutlier(
        values.map { $0 / Float(largest) }, expected.map { $0 / largest }, within: tolerance)
      {
        return "image \(image): \(fault)"
      }
    }
    return nil
  }
}

extension Noise {
  /// Multiples of 1/16 from −1 to 15/16.
  fileprivate mutating func coarse(_ count: Int) -> [Float] {
    array(count).map { ($0 * 16).rounded(.down) / 16 }
  }
}
