import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// The backward pass of a folded expansion against its definition in Double.
struct ExpandDepthwiseGradientTests {
  struct Case: Sendable, CustomTestStringConvertible {
    let inputs: Int
    let depthwise: GradientCase

    var testDescription: String { "\(inputs) → \(depthwise.testDescription)" }

    var expansion: GradientCase {
      GradientCase(
        height: depthwise.height, width: depthwise.width, input: inputs, output: depthwise.input)
    }
  }

  private static let cases: [Case] = [
    Case(inputs: 8, depthwise: .depthwise(5, 4, 24, kernel: 3)),
    // Padding channels on both sides.
    Case(inputs: 12, depthwise: .depthwise(9, 11, 44, kernel: 3, stride: 2)),
    // Several strips, of which rows are shared.
    Case(inputs: 16, depthwise: .depthwise(57, 60, 96, kernel: 5, padding: .same)),
    Case(inputs: 24, depthwise: .depthwise(58, 47, 144, kernel: 3, stride: 2, padding: .same)),
    // Wide enough for bf16.
    Case(inputs: 48, depthwise: .depthwise(21, 19, 192, kernel: 5, stride: 2)),
  ]

  /// What is found, or expected, for one image.
  private struct Gradients {
    var input: [Double] = []
    var products: [Double] = []
    var sums: [Double] = []
    var weights: [Double] = []
  }

  private static func data(_ c: Case) -> (x: [Float], expansion: Filter, depthwise: GradientData) {
    var noise = Noise(c.inputs)
    let x = noise.array(c.depthwise.height * c.depthwise.width * c.inputs)
    return (x, Filter(&noise, count: c.depthwise.input, depth: c.inputs), GradientData(c.depthwise))
  }

  /// What is added to the inputs before they are multiplied.
  private static func offsets(_ c: Case) -> [Float] { (0..<c.inputs).map { Float($0 % 3) / 4 } }

  private static func expected(_ c: Case, _ nonlinearity: Nonlinearity) -> Gradients {
    let (x, filter, depthwise) = data(c)
    let (inputs, channels) = (c.inputs, c.depthwise.input)
    let u = filter.expected(c.expansion.geometry, groups: 1, x, .identity)
    var result = Gradients()
    result.weights = GradientReference(geometry: c.depthwise.geometry, groups: channels).weights(
      input: u.map { Float(Reference.apply(nonlinearity, $0)) },
      outputGradient: depthwise.outputGradients[0])
    let gradient = zip(depthwise.inputGradients[0], u).map {
      $0 * Reference.derivative(nonlinearity, $1)
    }
    let offsets = Self.offsets(c)
    result.sums = [Double](repeating: 0, count: channels)
    result.products = [Double](repeating: 0, count: inputs * channels)
    result.input = [Double](repeating: 0, count: x.count)
    for (index, value) in gradient.enumerated() {
      let (position, channel) = (index / channels, index % channels)
      result.sums[channel] += value
      for input in 0..<inputs {
        let place = position * inputs + input
        result.products[input * channels + channel] += value * Double(x[place] + offsets[input])
        result.input[place] +=
          value * filter.scale[channel] * Double(filter.weights[channel * inputs + input])
      }
    }
    return result
  }

  private static func found(
    _ c: Case, _ nonlinearity: Nonlinearity, _ precision: Precision, _ set: InstructionSet
  ) -> Gradients {
    let (x, filter, depthwise) = data(c)
    let target = ComputeTarget(gemm: .kernels, kernels: set.kernels, precision: precision)
    var expand = c.expansion.layer
    expand.nonlinearity = nonlinearity
    let work = ExpandDepthwiseGradient(
      expand, c.depthwise.layer, ProductPrecision(precision), on: target)
    let weights = DepthwiseWeightGradient(c.depthwise.layer, kernels: set.kernels)
    let (g, stride) = (c.expansion.geometry, c.depthwise.geometry.inputStride)
    let packed = AlignedBuffer([Float](repeating: 0, count: work.packedCount))
    filter.withFilter { expansion in
      depthwise.filter.withFilter { work.pack(expansion, depthwise: $0, into: packed.base) }
    }
    let map = AlignedBuffer.positions([x], channels: c.inputs, stride: g.inputStride)
    let gradient = depthwise.outputGradient(c.depthwise.geometry)
    let inputGradient = AlignedBuffer([Float](repeating: .nan, count: g.inputCount))
    let sums = AlignedBuffer([Float](repeating: 0, count: work.sumCount))
    let weightSums = AlignedBuffer([Float](repeating: 0, count: weights.sumCount))
    let scratch = AlignedBuffer([Float](repeating: 0, count: work.scratchCount))
    let offsets = AlignedBuffer.positions(
      [Self.offsets(c)], channels: c.inputs, stride: g.inputStride)
    let ones = AlignedBuffer([Float](repeating: 1, count: stride))
    let zeros = AlignedBuffer([Float](repeating: 0, count: stride))
    work.run(
      ExpandDepthwiseGradient.Memory(
        input: map.base, negatedMeans: offsets.base, outputGradient: gradient.base,
        inputGradient: inputGradient.base,
        packed: packed.base, sums: sums.base, weightSums: weightSums.base, scratch: scratch.base,
        ones: ones.base, zeros: zeros.base, lap: { _ in }))
    var result = Gradients()
    let channels = c.depthwise.input
    result.input = inputGradient.image(
      0, positions: g.outputPositions, channels: c.inputs, stride: g.inputStride
    ).map(Double.init)
    result.products = (0..<c.inputs).flatMap { input in
      (0..<channels).map { Double(sums.base[input * stride + $0]) }
    }
    result.sums = (0..<channels).map { Double(sums.base[c.inputs * stride + $0]) }
    var weightGradient = [Float](repeating: 0, count: depthwise.weightGradient.count)
    for task in 0..<weights.reductionCount(parts: 1) {
      weights.reduce(task: task, parts: 1, partials: weightSums.base, into: &weightGradient)
    }
    result.weights = weightGradient.map(Double.init)
    return result
  }

  /// The norm of the differences, relative to that of the values.
  private static func deviation(_ found: [Double], _ expected: [Double]) -> Double {
    func norm(_ values: [Double]) -> Double { values.reduce(0) { $0 + $1 * $1 }.squareRoot() }
    return norm(zip(found, expected).map { $0 - $1 }) / norm(expected)
  }

  /// The largest difference, relative to the largest value.
  private static func error(_ found: [Double], _ expected: [Double]) -> Double {
    guard found.count == expected.count else { return .infinity }
    let difference = zip(found, expected).map { abs($0 - $1) }
    let worst = difference.contains { $0.isNaN } ? .infinity : difference.max() ?? 0
    return worst / (expected.map(abs).max() ?? 1)
  }

  @Test(arguments: cases, InstructionSet.supported)
  func gradients(_ c: Case, _ set: InstructionSet) {
    for nonlinearity in [Nonlinearity.relu6, .hardSwish, .silu] {
      let expected = Self.expected(c, nonlinearity)
      let found = Self.found(c, nonlinearity, .f32, set)
      for part in [\Gradients.input, \.products, \.sums, \.weights] {
        #expect(Self.error(found[keyPath: part], expected[keyPath: part]) < 2e-5)
      }
    }
  }

  /// In bf16, operands are rounded to 8 bits, which moves some values over a kink of the activation.
  @Test(arguments: [cases[4]], InstructionSet.supported)
  func roundedGradients(_ c: Case, _ set: InstructionSet) {
    let expected = Self.expected(c, .hardSwish)
    let found = Self.found(c, .hardSwish, .bf16, set)
    for part in [\Gradients.input, \.products, \.sums, \.weights] {
      let deviation = Self.deviation(found[keyPath: part], expected[keyPath: part])
      #expect(deviation < 0.02 && deviation > 1e-5)
    }
  }
}
