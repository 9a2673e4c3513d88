import Glibc
import Kernels

/// A 3×3 convolution of stride 1 by Winograd's F(4×4, 3×3) (Lavin & Gray 2016, arXiv 1509.09308):
/// 36 multiplications where the direct method needs 144.
///
/// Output tiles of 4 × 4 positions are taken some dozens at a time, so that the transformed inputs
/// and the products of one block of output channels stay in the second-level cache. The transforms
/// cost accuracy: about 3e-6 of the largest output, where the direct method has 3e-7; the tests hold
/// it to 2e-5.
package final class WinogradConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  /// First columns of the blocks of output channels, and the end.
  private let bounds: [Int]
  /// For each block, 36 matrices of inputChannels × width.
  private let weights: AlignedBuffer
  private let bias: AlignedBuffer
  private let zeros: AlignedBuffer
  private let nonlinearity: Nonlinearity
  private let tilesAcross: Int
  private let tiles: Int
  private let chunks: Int

  /// Whether the strategy can compute `geometry`.
  ///
  /// Fewer than 16 input channels leave the transforms dearer than the multiplications saved.
  package static func suits(_ geometry: ConvolutionGeometry) -> Bool {
    geometry.kernel == 3 && geometry.stride == 1 && geometry.inputChannels >= 16
      && geometry.inputChannels % 8 == 0 && geometry.outputPositions >= 64
  }

  /// Transforms and packs `filter`.
  package init(_ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, kernels: KernelTable)
    throws(OutOfMemory)
  {
    precondition(Self.suits(geometry))
    self.geometry = geometry
    self.kernels = kernels
    let units = geometry.outputStep / 8
    let blocks = (geometry.outputStep + kernels.maximumColumns - 1) / kernels.maximumColumns
    bounds = (0...blocks).map { evenRange($0, of: blocks, total: units).lowerBound * 8 }
    zeros = try AlignedBuffer(count: 64)
    weights = try AlignedBuffer(count: 36 * geometry.inputChannels * geometry.outputStep)
    bias = try filter.packedBias()
    nonlinearity = filter.nonlinearity
    tilesAcross = (geometry.outputWidth + 3) / 4
    tiles = tilesAcross * ((geometry.outputHeight + 3) / 4)
    let count = (tiles + 47) / 48
    chunks = count == 1 ? 1 : count + count % 2
    for block in 0..<blocks where !filter.weights.isEmpty {
      for output in bounds[block]..<min(bounds[block + 1], geometry.outputChannels) {
        transform(filter, output: output, block: block)
      }
    }
  }

  /// G g Gᵀ in Double for every input channel of one output channel.
  private func transform(_ filter: ConvolutionFilter, output: Int, block: Int) {
    let channels = geometry.inputChannels
    let width = bounds[block + 1] - bounds[block]
    let target = weights.base + 36 * channels * bounds[block] + output - bounds[block]
    let source = filter.weights.baseAddress! + output * channels * 9
    let scale = filter.scale[output]
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 18) { half in
      for channel in 0..<channels {
        let g = source + channel * 9
        for column in 0..<3 {
          Self.expand(
            Double(g[column]) * scale, Double(g[3 + column]) * scale,
            Double(g[6 + column]) * scale
          ) { half[$0 * 3 + column] = $1 }
        }
        for row in 0..<6 {
          Self.expand(half[row * 3], half[row * 3 + 1], half[row * 3 + 2]) {
            target[((row * 6 + $0) * channels + channel) * width] = Float($1)
          }
        }
      }
    }
  }

  /// G · (a, b, c).
  @inline(__always)
  private static func expand(
    _ a: Double, _ b: Double, _ c: Double, _ store: (_ row: Int, _ value: Double) -> Void
  ) {
    store(0, a / 4)
    store(1, -(a + b + c) / 6)
    store(2, -(a - b + c) / 6)
    store(3, (a + 2 * b + 4 * c) / 24)
    store(4, (a - 2 * b + 4 * c) / 24)
    store(5, c)
  }

  package var strategy: String { "winograd" }

  package var packedBytes: Int { (weights.count + bias.count) * MemoryLayout<Float>.stride }

  package var ownMultiplications: Int? {
    36 * tiles * geometry.inputChannels * geometry.outputStep
  }

  private var chunkTiles: Int { (tiles + chunks - 1) / chunks }

  package var scratchCount: Int {
    let width = zip(bounds, bounds.dropFirst()).map { $1 - $0 }.max() ?? 0
    return 36 * chunkTiles * (geometry.inputChannels + width)
      + 36 * geometry.inputStep + 36 * 16
  }

  package func taskCount(batch: Int) -> Int { batch * chunks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / chunks
    let range = evenRange(task % chunks, of: chunks, total: tiles)
    let channels = geometry.inputChannels
    let transformed = memory.scratch
    let products = transformed + 36 * chunkTiles * channels
    let patch = memory.scratch + scratchCount - 36 * geometry.inputStep - 36 * 16
    let vectors = patch + 36 * geometry.inputStep
    let input = memory.input + image * geometry.inputCount
    for (index, tile) in range.enumerated() {
      transformInput(
        tile, of: input, into: transformed + index * channels,
        elementStride: range.count * channels, patch: patch, vectors: vectors)
    }
    let output = memory.output + image * geometry.outputCount
    let residual = memory.residual.map { $0 + image * geometry.outputCount }
    for block in 0..<bounds.count - 1 {
      let first = bounds[block]
      let width = bounds[block + 1] - first
      for element in 0..<36 {
        kernels.multiply(
          MatrixProduct(
            rows: range.count, depth: channels, a: transformed + element * range.count * channels,
            aStride: channels, b: weights.base + (36 * first + element * width) * channels,
            bias: zeros.base, c: products + element * range.count * width, cStride: width,
            residual: nil, residualStride: 0, zeros: zeros.base, nonlinearity: .identity),
          width)
      }
      for (index, tile) in range.enumerated() {
        let row = tile / tilesAcross * 4
        let column = tile % tilesAcross * 4
        let place = (row * geometry.outputWidth + column) * geometry.outputStep + first
        kernels.winogradOutput(
          WinogradOutput(
            channels: width, products: products + index * width,
            elementStride: range.count * width, out: output + place,
            rowStride: geometry.outputWidth * geometry.outputStep,
            positionStride: geometry.outputStep, rows: min(4, geometry.outputHeight - row),
            columns: min(4, geometry.outputWidth - column), bias: bias.base + first,
            residual: residual.map { $0 + place }, nonlinearity: nonlinearity, scratch: vectors))
      }
    }
  }

  /// Transforms one tile in place, or, at the image's edge, from a copy with zeros around.
  private func transformInput(
    _ tile: Int, of input: UnsafePointer<Float>, into target: UnsafeMutablePointer<Float>,
    elementStride: Int, patch: UnsafeMutablePointer<Float>, vectors: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let top = tile / tilesAcross * 4 - g.paddingTop
    let left = tile % tilesAcross * 4 - g.paddingLeft
    let isInside =
      top >= 0 && left >= 0 && top + 6 <= g.inputHeight && left + 6 <= g.inputWidth
    var source = input + (top * g.inputWidth + left) * g.inputStep
    var rowStride = g.inputWidth * g.inputStep
    if !isInside {
      memset(patch, 0, 36 * g.inputStep * MemoryLayout<Float>.stride)
      let columns = max(0, -left)..<max(0, -left, min(6, g.inputWidth - left))
      for row in 0..<6 where top + row >= 0 && top + row < g.inputHeight && !columns.isEmpty {
        memcpy(
          patch + (row * 6 + columns.lowerBound) * g.inputStep,
          source + row * rowStride + columns.lowerBound * g.inputStep,
          columns.count * g.inputStep * MemoryLayout<Float>.stride)
      }
      source = UnsafePointer(patch)
      rowStride = 6 * g.inputStep
    }
    kernels.winogradInput(
      WinogradInput(
        channels: g.inputChannels, x: source, rowStride: rowStride, positionStride: g.inputStep,
        out: target, elementStride: elementStride, scratch: vectors))
  }
}
