import Kernels

/// The packed layout of a 3×3 filter in the Winograd domain.
///
/// It contains G g Gᵀ for every pair of channels: for each block of output channels, a matrix of
/// inputChannels × width for each element of a tile; then the bias.
struct WinogradFilter: Sendable {
  let variant: WinogradVariant
  /// The blocks of output channels.
  let blocks: ColumnBlocks
  private let inputChannels: Int
  private let outputChannels: Int

  init(_ geometry: ConvolutionGeometry, _ variant: WinogradVariant, kernels: KernelTable) {
    self.variant = variant
    inputChannels = geometry.inputChannels
    outputChannels = geometry.outputChannels
    blocks = ColumnBlocks(
      channelStride(outputChannels), widest: kernels.gemm.nr, lanes: kernels.lanes)
  }

  private var weightCount: Int {
    variant.matrices * variant.matrices * inputChannels * channelStride(outputChannels)
  }

  /// Floats of the transformed weights and the bias.
  var packedCount: Int { weightCount + channelStride(outputChannels) }

  /// Transforms and packs a layer's weights and bias into `packedCount` zeroed floats.
  func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    for block in 0..<blocks.count {
      for first in stride(from: blocks[block].lowerBound, to: blocks[block].upperBound, by: 8) {
        transform(filter, firstOutput: first, block: block, into: packed)
      }
    }
    filter.packBias(into: packed + weightCount)
  }

  /// The packed bias, at output channel 0.
  func bias(in packed: UnsafePointer<Float>) -> UnsafePointer<Float> { packed + weightCount }

  /// The matrix of one element and one block.
  func matrix(
    element: Int, block: Int, in packed: UnsafePointer<Float>
  ) -> UnsafePointer<Float> {
    let columns = blocks[block]
    let (count, inputs) = (variant.matrices, variant.inputs)
    // Further rows and columns share the last matrix.
    let matrix = min(element / inputs, count - 1) * count + min(element % inputs, count - 1)
    return packed + (count * count * columns.lowerBound + matrix * columns.count) * inputChannels
  }

  /// G g Gᵀ in Double for every input channel of eight output channels.
  private func transform(
    _ filter: ConvolutionFilter, firstOutput: Int, block: Int,
    into packed: UnsafeMutablePointer<Float>
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
        var target =
          packed + size * size * inputChannels * columns.lowerBound + channel * columns.count
          + firstOutput - columns.lowerBound
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
