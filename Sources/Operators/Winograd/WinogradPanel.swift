import Host
import Kernels

/// A 3×3 convolution by Winograd's method, a chunk of output tiles at a time.
///
/// A chunk's transformed inputs and its products with one block of output channels stay in the L2
/// cache, and the weights are streamed once.
struct WinogradPanel: Sendable {
  let geometry: ConvolutionGeometry
  let grid: TileGrid
  let filter: WinogradFilter
  private let nonlinearity: Nonlinearity
  private let kernels: KernelTable
  /// The distance in floats between matrices of transformed inputs, and of products.
  ///
  /// It includes an extra cache line, because at multiples of 4096 bytes all elements of a tile
  /// would map to the same cache set.
  private let inputStride: Int
  private let productStride: Int
  private let gemm: GEMMKernel

  /// - Parameters:
  ///   - variant: one with the geometry's stride.
  ///   - precision: f32 or int16.
  ///   - extraFloatsPerTile: the floats per tile that the caller also keeps in the cache.
  init(
    _ layer: ConvolutionLayer, _ variant: WinogradVariant, _ precision: ProductPrecision,
    extraFloatsPerTile: Int, kernels: KernelTable
  ) {
    geometry = layer.geometry
    precondition(geometry.kernel == 3 && geometry.stride == variant.stride)
    precondition(geometry.inputChannels % 8 == 0)
    precondition(precision == .f32 || precision == .int16)
    nonlinearity = layer.nonlinearity
    self.kernels = kernels
    gemm = kernels.gemm(precision)
    filter = WinogradFilter(geometry, variant, precision, kernels: kernels)
    let floatsPerTile =
      variant.inputs * variant.inputs * (geometry.inputChannels + filter.blocks.widest)
      + extraFloatsPerTile
    // Two register tiles of rows for each weight read, unless that exceeds a cache of 1 MiB; times
    // differ by 3 % between 8 and 48 tiles.
    grid = TileGrid(
      height: geometry.outputHeight, width: geometry.outputWidth, extent: variant.outputs,
      limit: 16 * floatsPerTile <= 262_144 ? 16 : 8)
    let largest = grid.largestChunk
    inputStride = largest.across * largest.down * geometry.inputChannels + 16
    productStride = largest.across * largest.down * filter.blocks.widest + 16
  }

  /// Multiply-adds of the products for one image.
  var multiplyAdds: Int {
    elements * grid.tileCount * geometry.inputChannels * geometry.outputStride
  }

  private var variant: WinogradVariant { filter.variant }
  private var elements: Int { variant.inputs * variant.inputs }

  /// Output positions of the largest chunk.
  var largestCount: Int {
    let largest = grid.largestChunk
    return largest.across * largest.down * variant.outputs * variant.outputs
  }

  /// Floats of scratch memory that `run` needs.
  var scratchCount: Int {
    elements * (inputStride + productStride + geometry.inputStride + scaleCount) + 81 * 16
  }

  /// Step and offset of each tile's channels, for one element.
  private var scaleCount: Int {
    let largest = grid.largestChunk
    return filter.isQuantized ? 2 * largest.across * largest.down : 0
  }

  /// The output rows and columns of a chunk.
  func positions(of chunk: TileGrid.Chunk) -> (rows: Range<Int>, columns: Range<Int>) {
    let m = variant.outputs
    return (
      chunk.rows.lowerBound * m..<min(chunk.rows.upperBound * m, geometry.outputHeight),
      chunk.columns.lowerBound * m..<min(chunk.columns.upperBound * m, geometry.outputWidth)
    )
  }

  /// Computes a chunk.
  ///
  /// - Parameters:
  ///   - output: the chunk's first position, and `residual` likewise; rows are `rowStride` apart.
  func run(
    _ chunk: TileGrid.Chunk, of input: UnsafePointer<Float>, packed: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, rowStride: Int, residual: UnsafePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    let vectors = scratch
    let patch = vectors + 81 * 16
    let transformed = patch + elements * geometry.inputStride
    let products = transformed + elements * inputStride
    let scales = products + elements * productStride
    var tile = transformed
    for row in chunk.rows {
      for column in chunk.columns {
        transformInput(row, column, of: input, into: tile, patch: patch, vectors: vectors)
        tile += channels
      }
    }
    if filter.isQuantized {
      for element in 0..<elements {
        quantize(
          transformed + element * inputStride, rows: chunk.count, scales + element * scaleCount)
      }
    }
    let words = channels / gemm.elementsPerWord
    for block in 0..<filter.blocks.count {
      let first = filter.blocks[block].lowerBound
      let width = filter.blocks[block].count
      for element in 0..<elements {
        var product = GEMMBlock(
          m: chunk.count, n: width, k: words, a: transformed + element * inputStride,
          lda: channels, b: filter.matrix(element: element, block: block, in: packed),
          c: products + element * productStride, ldc: width,
          quantization: filter.quantization(
            element: element, block: block, in: packed, rows: scales + element * scaleCount))
        product.ahead = product.b + words * width
        gemm.run(product)
      }
      transformOutputs(
        chunk, products, width: width, bias: filter.bias(in: packed) + first, into: output + first,
        rowStride: rowStride, residual: residual.map { $0 + first }, vectors: vectors)
    }
  }

  /// Quantizes rows of channels in place: their words take the first half of each.
  private func quantize(
    _ matrix: UnsafeMutablePointer<Float>, rows: Int, _ scales: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    gemm.convert(
      Panel(
        rows: rows, channels: channels, x: matrix, xStride: channels, gate: nil, out: matrix,
        outStride: channels, partWords: channels / 2,
        largest: QuantizeRowTo16.largest(depth: channels), scales: scales))
  }

  private func transformOutputs(
    _ chunk: TileGrid.Chunk, _ products: UnsafePointer<Float>, width: Int,
    bias: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, rowStride: Int,
    residual: UnsafePointer<Float>?, vectors: UnsafeMutablePointer<Float>
  ) {
    let m = variant.outputs
    let stride = geometry.outputStride
    var products = products
    for row in chunk.rows {
      for column in chunk.columns {
        let offset =
          (row - chunk.rows.lowerBound) * m * rowStride
          + (column - chunk.columns.lowerBound) * m * stride
        kernels.winogradOutput(
          WinogradOutput(
            variant: variant, channels: width, products: products, elementStride: productStride,
            out: output + offset, rowStride: rowStride, positionStride: stride,
            rows: min(m, geometry.outputHeight - row * m),
            columns: min(m, geometry.outputWidth - column * m), bias: bias,
            residual: residual.map { $0 + offset }, nonlinearity: nonlinearity,
            scratch: vectors))
        products += width
      }
    }
  }

  /// Transforms one tile in place or, at the image's edge, from a copy surrounded by zeros.
  private func transformInput(
    _ row: Int, _ column: Int, of input: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<Float>,
    patch: UnsafeMutablePointer<Float>, vectors: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let step = variant.outputs * variant.stride
    let (source, rowStride) = MapPatch(
      height: g.inputHeight, width: g.inputWidth, stride: g.inputStride, size: variant.inputs
    ).square(
      top: row * step - g.paddingTop, left: column * step - g.paddingLeft, of: input,
      channels: g.inputStride, copy: patch)
    kernels.winogradInput(
      WinogradInput(
        variant: variant, channels: g.inputChannels, x: source, rowStride: rowStride,
        positionStride: g.inputStride, out: target, elementStride: inputStride, scratch: vectors))
  }
}
