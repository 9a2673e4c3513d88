import Host
import InstructionSets
import Operators
import Testing

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

  init(weights: [Float], scale: [Double], bias: [Double]) {
    self.weights = weights
    self.scale = scale
    self.bias = bias
  }

  func withFilter<Result>(_ body: (ConvolutionFilter) throws -> Result) rethrows -> Result {
    try weights.withUnsafeBufferPointer {
      try body(ConvolutionFilter(weights: $0, scale: scale, bias: bias))
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
  /// Images one after another, each position `stride` floats, zeros after its channels.
  static func positions(_ images: [[Float]], channels: Int, stride: Int) -> AlignedBuffer {
    var values: [Float] = []
    for image in images {
      for position in 0..<image.count / channels {
        values += image[position * channels..<(position + 1) * channels]
        values += [Float](repeating: 0, count: stride - channels)
      }
    }
    return AlignedBuffer(values)
  }

  /// One image without the padding of its positions.
  func image(_ image: Int, positions: Int, channels: Int, stride: Int) -> [Float] {
    (0..<positions).flatMap { position in
      UnsafeBufferPointer(start: base + (image * positions + position) * stride, count: channels)
    }
  }
}

/// An operator's packed weights.
struct PackedOperator {
  private let buffer: AlignedBuffer

  init(_ work: some Operator, _ filters: [Filter]) {
    func packed(over value: Float) -> AlignedBuffer {
      let buffer = AlignedBuffer([Float](repeating: value, count: work.packedCount))
      // Twice, because packing must not rely on finding zeros where it writes.
      for _ in 0..<2 {
        for (layer, filter) in filters.enumerated().reversed() {
          filter.withFilter { work.pack($0, layer: layer, into: buffer.base) }
        }
      }
      return buffer
    }
    buffer = packed(over: 0)
    guard !work.packingLeavesGaps else { return }
    let other = packed(over: 7)
    let isFull = (0..<work.packedCount).allSatisfy {
      buffer.base[$0].bitPattern == other.base[$0].bitPattern
    }
    #expect(isFull, "packing left gaps")
  }

  var base: UnsafePointer<Float> { UnsafePointer(buffer.base) }
}

extension ComputeTarget {
  static func kernels(_ set: InstructionSet) -> ComputeTarget {
    ComputeTarget(gemm: .kernels, kernels: set.kernels)
  }

  static func openBLAS(_ set: InstructionSet) throws -> ComputeTarget {
    ComputeTarget(gemm: .openBLAS(try OpenBLAS.loaded()), kernels: set.kernels)
  }
}
