import Kernels

/// The packed layout of a 3×3 filter in the Winograd domain.
///
/// It contains G g Gᵀ for every pair of channels: for each block of output channels, a matrix of
/// inputChannels × width for each element of a tile; then the bias. If weights are quantized, the steps and
/// sums of all matrices' columns follow the matrices.
struct WinogradFilter: Sendable {
  let variant: WinogradVariant
  /// The blocks of output channels.
  let blocks: ColumnBlocks
  private let inputChannels: Int
  private let outputChannels: Int
  private let precision: ProductPrecision

  init(
    _ geometry: ConvolutionGeometry, _ variant: WinogradVariant, _ precision: ProductPrecision,
    kernels: KernelTable
  ) {
    self.variant = variant
    self.precision = precision
    inputChannels = geometry.inputChannels
    outputChannels = geometry.outputChannels
    blocks = ColumnBlocks(
      channelStride(outputChannels), widest: kernels.gemm.nr, lanes: kernels.lanes)
  }

  /// Whether inputs and weights are quantized to 16 bits.
  var isQuantized: Bool { precision == .int16 }

  /// Words of a column of a matrix.
  private var depth: Int { isQuantized ? inputChannels / 2 : inputChannels }

  private var matrixCount: Int { variant.matrices * variant.matrices }

  private var weightCount: Int { matrixCount * depth * channelStride(outputChannels) }

  private var scaleCount: Int {
    isQuantized ? 2 * matrixCount * channelStride(outputChannels) : 0
  }

  /// Words of the transformed weights, what goes with them, and the bias.
  var packedCount: Int { weightCount + scaleCount + channelStride(outputChannels) }

  /// Transforms and packs a layer's weights and bias into `packedCount` zeroed words.
  func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    filter.packBias(into: packed + weightCount + scaleCount)
    for block in 0..<blocks.count {
      let first = packed + matrixCount * depth * blocks[block].lowerBound
      guard isQuantized else {
        transform(filter, block: block, into: first)
        continue
      }
      let width = blocks[block].count
      withZeroedFloats(matrixCount * inputChannels * width) { matrices in
        transform(filter, block: block, into: matrices)
        for matrix in 0..<matrixCount {
          let scales = scales(matrix: matrix, block: block)
          packIntegers(
            matrices + matrix * inputChannels * width, .int16, rows: inputChannels, width: width,
            into: first + matrix * depth * width, steps: packed + scales,
            sums: packed + scales + width)
        }
      }
    }
  }

  /// The packed bias, at output channel 0.
  func bias(in packed: UnsafePointer<Float>) -> UnsafePointer<Float> {
    packed + weightCount + scaleCount
  }

  /// The place of the steps of a matrix's columns in one block; their sums follow.
  private func scales(matrix: Int, block: Int) -> Int {
    weightCount + 2 * (matrixCount * blocks[block].lowerBound + matrix * blocks[block].count)
  }

  /// The scales of a product with `matrix`, or nil at f32; `rows` are those of its left-hand side.
  func quantization(
    element: Int, block: Int, in packed: UnsafePointer<Float>, rows: UnsafePointer<Float>
  ) -> Quantization? {
    guard isQuantized else { return nil }
    let steps = packed + scales(matrix: matrix(of: element), block: block)
    return Quantization(rows: rows, steps: steps, sums: steps + blocks[block].count)
  }

  /// The matrix of an element: further rows and columns share the last one.
  private func matrix(of element: Int) -> Int {
    let (count, inputs) = (variant.matrices, variant.inputs)
    return min(element / inputs, count - 1) * count + min(element % inputs, count - 1)
  }

  /// The matrix of one element and one block.
  func matrix(
    element: Int, block: Int, in packed: UnsafePointer<Float>
  ) -> UnsafePointer<Float> {
    let columns = blocks[block]
    return packed
      + (matrixCount * columns.lowerBound + matrix(of: element) * columns.count) * depth
  }

  /// G g Gᵀ for a block of output channels: `matrixCount` matrices of inputChannels × width floats.
  private func transform(
    _ filter: ConvolutionFilter, block: Int, into matrices: UnsafeMutablePointer<Float>
  ) {
    for first in stride(from: blocks[block].lowerBound, to: blocks[block].upperBound, by: 8) {
      transform(filter, firstOutput: first, block: block, into: matrices)
    }
  }

  /// G g Gᵀ in Double for every input channel of eight output channels.
  private func transform(
    _ filter: ConvolutionFilter, firstOutput: Int, block: Int,
    into matrices: UnsafeMutablePointer<Float>
  ) {
    guard let weights = filter.weights.baseAddress else { return }
    let columns = blocks[block]
    let size = variant.matrices
    let outputs = firstOutput..<min(firstOutput + 8, outputChannels)
    var scale = SIMD8<Double>.zero
    for (lane, output) in outputs.enumerated() { scale[lane] = filter.scale[output] }
    let g = variant.filterTransform.map { SIMD8<Double>(repeating: $0) }
    withUnsafeTemporaryAllocation(of: SIMD8<Double>.self, capacity: 9 + 3 * size) { memory in
      memory.initialize(repeating: .zero)
      // The taps, then G g.
      let half = 9
      for channel in 0..<inputChannels {
        for (lane, output) in outputs.enumerated() {
          let source = weights + (output * inputChannels + channel) * 9
          for tap in 0..<9 { memory[tap][lane] = Double(source[tap]) }
        }
        for row in 0..<size {
          for column in 0..<3 {
            memory[half + row * 3 + column] =
              (g[row * 3] * memory[column] + g[row * 3 + 1] * memory[3 + column]
                + g[row * 3 + 2] * memory[6 + column]) * scale
          }
        }
        var target = matrices + channel * columns.count + firstOutput - columns.lowerBound
        for row in 0..<size {
          let first = half + row * 3
          for column in 0..<size {
            let value =
              g[column * 3] * memory[first] + g[column * 3 + 1] * memory[first + 1]
              + g[column * 3 + 2] * memory[first + 2]
            UnsafeMutableRawPointer(target).storeBytes(
              of: SIMD8<Float>(value), as: SIMD8<Float>.self)
            target += inputChannels * columns.count
          }
        }
      }
    }
  }
}

extension WinogradVariant {
  /// A short name for the tile.
  var tile: String {
    switch self {
    case .four: "4×4"
    case .six: "6×6"
    case .fourStrided: "4×4 /2"
    }
  }

  /// Rows and columns of distinct matrices.
  fileprivate var matrices: Int {
    switch self {
    case .four, .six: inputs
    // The middle tap treats every odd input alike.
    case .fourStrided: 6
    }
  }

  /// G: rows of three.
  fileprivate var filterTransform: [Double] {
    switch self {
    case .four:
      [
        1 / 4, 0, 0,
        -1 / 6, -1 / 6, -1 / 6,
        -1 / 6, 1 / 6, -1 / 6,
        1 / 24, 1 / 12, 1 / 6,
        1 / 24, -1 / 12, 1 / 6,
        0, 0, 1,
      ]
    case .six:
      [
        1, 0, 0,
        -2 / 9, -2 / 9, -2 / 9,
        -2 / 9, 2 / 9, -2 / 9,
        1 / 90, 1 / 45, 2 / 45,
        1 / 90, -1 / 45, 2 / 45,
        32 / 45, 16 / 45, 8 / 45,
        32 / 45, -16 / 45, 8 / 45,
        0, 0, 1,
      ]
    case .fourStrided:
      [
        1 / 2, 0, 0,
        -1 / 2, 0, -1 / 2,
        -1 / 6, 0, 1 / 6,
        1 / 6, 0, 1 / 3,
        0, 0, 1,
        0, 1, 0,
      ]
    }
  }
}
