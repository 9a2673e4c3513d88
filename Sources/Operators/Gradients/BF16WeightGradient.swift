import Kernels

/// The gradient of a 1×1 convolution's or a linear layer's weights with products of bf16 and sums of f32.
///
/// Both maps are rounded a panel of positions at a time: a word holds a channel's values at two positions.
struct BF16WeightGradient: TiledWeightGradient {
  typealias Tile = WeightGradientTiling.Tile

  let tiling: WeightGradientTiling
  private let geometry: ConvolutionGeometry
  private let kernel: WeightGradientKernel

  /// Positions that are rounded at a time; their words stay in the L2 cache.
  private static let panelRows = 256

  /// `nil` for other convolutions, and for layers so narrow that rounding outweighs what the products
  /// gain.
  init?(_ layer: ConvolutionLayer, kernels: KernelTable) {
    let geometry = layer.geometry
    let (inputs, outputs) = (geometry.inputStride, geometry.outputStride)
    guard
      layer.kind != .depthwise && geometry.isPointwise && inputs % 8 == 0
        && Self.pays(inputs: inputs, outputs: outputs)
    else { return nil }
    self.geometry = geometry
    kernel = kernels.training.bf16WeightGradient
    // Wide tiles, because each task rounds what it reads.
    tiling = WeightGradientTiling(geometry, rows: 256, columns: 384, kernels: kernels)
  }

  /// Whether what the products gain outweighs rounding.
  static func pays(inputs: Int, outputs: Int) -> Bool {
    inputs * outputs >= 16 * (inputs + outputs)
  }

  private var layout: WeightGradientLayout { tiling.layout }

  /// The maps whose channels are the sums' rows and columns: floats between positions.
  private var strides: (rows: Int, columns: Int) {
    layout.isByOutput
      ? (geometry.outputStride, geometry.inputStride)
      : (geometry.inputStride, geometry.outputStride)
  }

  var scratchCount: Int { Self.panelRows / 2 * (strides.rows + strides.columns) }

  var precision: Precision { .bf16 }

  func partLimit(batch: Int) -> Int { .max }

  func run(
    _ tile: Tile, part: Int, of parts: Int, batch: Int, _ memory: WeightGradientMemory,
    into c: UnsafeMutablePointer<Float>
  ) {
    multiply([tile], evenRange(part, of: parts, total: batch * geometry.outputPositions), memory, c)
  }

  func runWhole(batch: Int, _ memory: WeightGradientMemory) {
    multiply(tiling.tiles, 0..<batch * geometry.outputPositions, memory, memory.partials)
  }

  /// The sums of adjacent tiles: one, or all.
  private func multiply(
    _ tiles: [Tile], _ positions: Range<Int>, _ memory: WeightGradientMemory,
    _ c: UnsafeMutablePointer<Float>
  ) {
    guard let first = tiles.first, let last = tiles.last else { return }
    let rows = first.rows.lowerBound..<last.rows.upperBound
    let columns = tiling.columns(first.blocks.lowerBound..<last.blocks.upperBound)
    let (a, b) = (memory.scratch, memory.scratch + Self.panelRows / 2 * strides.rows)
    let panels = (positions.count + Self.panelRows - 1) / Self.panelRows
    for panel in 0..<panels {
      let part = evenRange(panel, of: panels, total: positions.count)
      let start = positions.lowerBound + part.lowerBound
      let (gradient, input) = (memory.outputGradient, memory.input)
      round(
        layout.isByOutput ? gradient : input, start, part.count, rows, strides.rows, into: a)
      round(
        layout.isByOutput ? input : gradient, start, part.count, columns, strides.columns, into: b)
      for tile in tiles {
        for block in tile.blocks {
          let columns = tiling.blocks[block]
          kernel.run(
            WeightGradientBlock(
              m: (part.count + 1) / 2, k: tile.rows.count, n: columns.count,
              a: a + tile.rows.lowerBound, lda: strides.rows, b: b + columns.lowerBound,
              ldb: strides.columns,
              c: c + layout.offset(kernelRow: 0, row: tile.rows.lowerBound) + columns.lowerBound,
              ldc: layout.ldc, accumulates: panel > 0))
        }
      }
    }
  }

  /// Rounds some channels at some positions of a map.
  private func round(
    _ map: UnsafePointer<Float>, _ start: Int, _ positions: Int, _ channels: Range<Int>,
    _ stride: Int, into words: UnsafeMutablePointer<Float>
  ) {
    let first = channels.lowerBound & ~7
    kernel.convert(
      PositionPairs(
        rows: positions, channels: channelStride(channels.upperBound) - first,
        x: map + start * stride + first, xStride: stride, out: words + first, outStride: stride))
  }
}
