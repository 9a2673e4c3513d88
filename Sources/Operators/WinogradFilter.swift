import Host
import Kernels

/// A 3×3 filter in Winograd's domain: G g Gᵀ of every pair of channels, a matrix of
/// inputChannels × outputs for each element of a tile, packed for the register tiles.
final class WinogradFilter: Sendable {
  let form: WinogradVariant
  let inputChannels: Int
  /// First columns of the blocks of output channels, and the end.
  let bounds: [Int]
  let bias: AlignedBuffer
  let nonlinearity: Nonlinearity
  /// For each block, a matrix of inputChannels × width for each element.
  private let weights: AlignedBuffer

  /// Transforms and packs `filter`.
  init(
    _ filter: ConvolutionFilter, inputChannels: Int, form: WinogradVariant, kernels: KernelTable
  ) throws(OutOfMemory) {
    self.form = form
    self.inputChannels = inputChannels
    let outputs = channelStep(filter.scale.count)
    let blocks = (outputs + kernels.gemm.nr - 1) / kernels.gemm.nr
    bounds = (0...blocks).map { evenRange($0, of: blocks, total: outputs / 8).lowerBound * 8 }
    weights = try AlignedBuffer(count: form.matrices * form.matrices * inputChannels * outputs)
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
    for block in 0..<blocks where !filter.weights.isEmpty {
      for output in bounds[block]..<min(bounds[block + 1], filter.scale.count) {
        transform(filter, output: output, block: block)
      }
    }
  }

  var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  /// Columns of the widest block.
  var widestBlock: Int { zip(bounds, bounds.dropFirst()).map { $1 - $0 }.max() ?? 0 }

  /// The matrix of one element and one block.
  func matrix(element: Int, block: Int) -> UnsafePointer<Float> {
    let width = bounds[block + 1] - bounds[block]
    let (count, inputs) = (form.matrices, form.inputs)
    // Further rows and columns share the last matrix.
    let matrix = min(element / inputs, count - 1) * count + min(element % inputs, count - 1)
    return UnsafePointer(
      weights.base + (count * count * bounds[block] + matrix * width) * inputChannels)
  }

  /// G g Gᵀ in Double for every input channel of one output channel.
  private func transform(_ filter: ConvolutionFilter, output: Int, block: Int) {
    let g = form.filterTransform
    let size = form.matrices
    let width = bounds[block + 1] - bounds[block]
    let target = weights.base + size * size * inputChannels * bounds[block] + output - bounds[block]
    let source = filter.weights.baseAddress! + output * inputChannels * 9
    let scale = filter.scale[output]
    g.withUnsafeBufferPointer { g in
      withUnsafeTemporaryAllocation(of: Double.self, capacity: size * 3) { half in
        for channel in 0..<inputChannels {
          let taps = source + channel * 9
          for row in 0..<size {
            for column in 0..<3 {
              half[row * 3 + column] =
                (g[row * 3] * Double(taps[column]) + g[row * 3 + 1] * Double(taps[3 + column])
                  + g[row * 3 + 2] * Double(taps[6 + column])) * scale
            }
          }
          for row in 0..<size {
            for column in 0..<size {
              target[((row * size + column) * inputChannels + channel) * width] = Float(
                g[column * 3] * half[row * 3] + g[column * 3 + 1] * half[row * 3 + 1]
                  + g[column * 3 + 2] * half[row * 3 + 2])
            }
          }
        }
      }
    }
  }
}

extension WinogradVariant {
  /// Rows and columns of matrices that differ.
  fileprivate var matrices: Int {
    switch self {
    case .four, .six: inputs
    // The middle tap meets every odd input alike.
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
