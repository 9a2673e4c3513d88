import Host
import InstructionSets
import Kernels
import Operators
import Testing

/// Batch norm and activation in the passes of a depthwise convolution, against their definition in Double.
struct NormalizedDepthwiseTests {
  /// Single parts, blocks of channels, strips of rows, and edges on all sides.
  private static let cases =
    GradientCase.depthwise + [
      .depthwise(14, 14, 480, kernel: 5, batch: 1),
      .depthwise(15, 13, 264, kernel: 3, stride: 2, batch: 1),
      .depthwise(61, 50, 72, kernel: 5, stride: 2, padding: .same, batch: 1),
      .depthwise(90, 75, 24, kernel: 3, batch: 1),
    ]

  private static let tolerance = 3e-5

  /// One image of a case, with batch norm before the convolution.
  private struct Sample {
    let geometry: ConvolutionGeometry
    let nonlinearity: Nonlinearity
    let data: GradientData
    /// Channels of z, without padding.
    let z: [Float]
    let scale: [Float]
    let shift: [Float]
    let mean: [Float]
    private let channels: Int

    init(_ c: GradientCase, _ nonlinearity: Nonlinearity) {
      (geometry, self.nonlinearity, channels) = (c.geometry, nonlinearity, c.input)
      data = GradientData(c)
      z = data.images[0]
      var noise = Noise(c.input)
      scale = noise.array(c.input).map { 1 + $0 }
      shift = noise.array(c.input)
      mean = noise.array(c.input)
    }

    /// What the activation reads.
    private var u: [Double] {
      z.enumerated().map { index, value in
        Double(scale[index % channels]) * Double(value) + Double(shift[index % channels])
      }
    }

    /// What the convolution reads.
    var activation: [Float] { u.map { Float(Reference.apply(nonlinearity, $0)) } }

    /// The gradient of u.
    func slope(_ inputGradient: [Double]) -> [Double] {
      zip(inputGradient, u).map { $0 * Reference.derivative(nonlinearity, $1) }
    }

    /// A vector with padding.
    func vector(_ values: [Float]) -> AlignedBuffer {
      .positions([values], channels: channels, stride: geometry.inputStride)
    }

    var map: AlignedBuffer { .positions([z], channels: channels, stride: geometry.inputStride) }

    /// Values of a map without padding, and whether padding is zero.
    func values(_ map: AlignedBuffer, positions: Int) -> (values: [Float], isPadded: Bool) {
      let stride = geometry.inputStride
      let all = (0..<positions * stride).map { map.base[$0] }
      return (
        all.indices.filter { $0 % stride < channels }.map { all[$0] },
        all.indices.allSatisfy { $0 % stride < channels || all[$0] == 0 }
      )
    }
  }

  @Test(arguments: cases, InstructionSet.supported)
  func forward(_ c: GradientCase, _ set: InstructionSet) {
    for nonlinearity in [Nonlinearity.relu6, .hardSwish] {
      let sample = Sample(c, nonlinearity)
      let work = NormalizedDepthwise(c.layer, after: nonlinearity, kernels: set.kernels)
      let packed = AlignedBuffer([Float](repeating: 0, count: work.packedCount))
      sample.data.filter.withFilter { work.pack($0, into: packed.base) }
      let output = AlignedBuffer([Float](repeating: .nan, count: c.geometry.outputCount))
      let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
      let (scale, shift) = (sample.vector(sample.scale), sample.vector(sample.shift))
      let z = sample.map
      work.run(
        KeptMap(z.base), scale: scale.base, shift: shift.base, output: output.base,
        packed: packed.base, scratch: scratch.base)
      let found = sample.values(output, positions: c.geometry.outputPositions)
      let expected = sample.data.filter.expected(
        c.geometry, groups: c.groups, sample.activation, .identity)
      #expect(Reference.firstOutlier(found.values, expected, within: Self.tolerance) == nil)
      #expect(found.isPadded)
    }
  }

  @Test(arguments: cases, InstructionSet.supported)
  func backward(_ c: GradientCase, _ set: InstructionSet) {
    let (g, stride) = (c.geometry, c.geometry.inputStride)
    for nonlinearity in [Nonlinearity.relu6, .hardSwish] {
      let sample = Sample(c, nonlinearity)
      let work = NormalizedDepthwiseGradient(c.layer, after: nonlinearity, kernels: set.kernels)
      let weights = DepthwiseWeightGradient(c.layer, kernels: set.kernels)
      let packed = AlignedBuffer([Float](repeating: 0, count: work.packedCount))
      sample.data.filter.withFilter { work.pack($0, into: packed.base) }
      let scratch = AlignedBuffer([Float](repeating: .nan, count: work.scratchCount))
      let slope = AlignedBuffer([Float](repeating: .nan, count: g.inputCount))
      let sums = AlignedBuffer([Float](repeating: .nan, count: 2 * stride))
      let weightSums = AlignedBuffer([Float](repeating: 0, count: weights.sumCount))
      let vectors = [sample.mean, sample.scale, sample.shift].map(sample.vector)
      let (z, gradient) = (sample.map, sample.data.outputGradient(g))
      var stages: [GradientStage] = []
      work.run(
        NormalizedDepthwiseGradient.Memory(
          z: KeptMap(z.base), mean: vectors[0].base, scale: vectors[1].base,
          shift: vectors[2].base, outputGradient: gradient.base, slope: KeptMap(slope.base),
          packed: packed.base, sums: sums.base, weightSums: weightSums.base,
          scratch: scratch.base, lap: { stages.append($0) }))

      let expected = sample.slope(sample.data.inputGradients[0])
      let found = sample.values(slope, positions: g.inputHeight * g.inputWidth)
      #expect(Reference.firstOutlier(found.values, expected, within: Self.tolerance) == nil)
      #expect(found.isPadded)
      var (total, products) = ([Double](repeating: 0, count: c.input), [Double]())
      products = total
      for (index, value) in expected.enumerated() {
        let channel = index % c.input
        total[channel] += value
        products[channel] += value * (Double(sample.z[index]) - Double(sample.mean[channel]))
      }
      for (first, expected) in [(0, total), (stride, products)] {
        let found = (0..<c.input).map { sums.base[first + $0] }
        #expect(Reference.firstOutlier(found, expected, within: Self.tolerance) == nil)
      }
      var weightGradient = [Float](repeating: 0, count: sample.data.weightGradient.count)
      for task in 0..<weights.reductionCount(parts: 1) {
        weights.reduce(task: task, parts: 1, partials: weightSums.base, into: &weightGradient)
      }
      let reference = GradientReference(geometry: g, groups: c.groups).weights(
        input: sample.activation, outputGradient: sample.data.outputGradients[0])
      #expect(Reference.firstOutlier(weightGradient, reference, within: Self.tolerance) == nil)
      #expect(stages.count % 4 == 0 && stages.count > 0)
    }
  }
}
