import Host
import Glibc
import Kernels

/// A 3×3 convolution by Winograd's method, a chunk of output tiles at a time.
///
/// A chunk's transformed inputs, and its products with one block of output channels, stay in the
/// second-level cache; the weights stream past them once.
struct WinogradPanel: Sendable {
  let geometry: ConvolutionGeometry
  let grid: TileGrid
  private let filter: WinogradFilter
  private let kernels: KernelTable
  /// Floats between the matrices of transformed inputs, and of products: a cache line more than
  /// they take, for at a multiple of 4096 bytes all elements of a tile would fall into one set.
  private let inputStride: Int
  private let productStride: Int

  /// Transforms and packs `filter`.
  ///
  /// - Parameter extraFloatsPerTile: what the caller keeps in the cache besides, for each tile.
  init(
    _ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, form: WinogradVariant,
    extraFloatsPerTile: Int, kernels: KernelTable
  ) throws(OutOfMemory) {
    precondition(geometry.kernel == 3 && geometry.stride == form.stride)
    precondition(geometry.inputChannels % 8 == 0)
    self.geometry = geometry
    self.kernels = kernels
    self.filter = try WinogradFilter(
      filter, inputChannels: geometry.inputChannels, form: form, kernels: kernels)
    let floatsPerTile =
      form.inputs * form.inputs * (geometry.inputChannels + self.filter.widestBlock)
      + extraFloatsPerTile
    // Two register tiles of rows for each weight that is read, unless a cache of 1 MiB would not
    // hold as much; times differ by 3 % between 8 and 48 tiles.
    grid = TileGrid(
      height: geometry.outputHeight, width: geometry.outputWidth, extent: form.outputs,
      limit: 16 * floatsPerTile <= 262_144 ? 16 : 8)
    let largest = grid.largestChunk
    inputStride = largest.across * largest.down * geometry.inputChannels + 16
    productStride = largest.across * largest.down * self.filter.widestBlock + 16
  }

  var strategy: String { form.description }

  var packedBytes: Int { filter.packedBytes }

  /// Multiply-adds of the products for one image.
  var multiplications: Int {
    elements * grid.tileCount * geometry.inputChannels * geometry.outputStep
  }

  private var form: WinogradVariant { filter.form }
  private var elements: Int { form.inputs * form.inputs }

  /// Output positions of the largest chunk.
  var largestCount: Int {
    let largest = grid.largestChunk
    return largest.across * largest.down * form.outputs * form.outputs
  }

  /// Floats of scratch memory that `run` needs.
  var scratchCount: Int {
    elements * (inputStride + productStride + geometry.inputStep) + 81 * 16
  }

  /// The output rows and columns of a chunk.
  func positions(of chunk: TileGrid.Chunk) -> (rows: Range<Int>, columns: Range<Int>) {
    let m = form.outputs
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
    _ chunk: TileGrid.Chunk, of input: UnsafePointer<Float>,
    into output: UnsafeMutablePointer<Float>, rowStride: Int, residual: UnsafePointer<Float>?,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let channels = geometry.inputChannels
    let vectors = scratch
    let patch = vectors + 81 * 16
    let transformed = patch + elements * geometry.inputStep
    let products = transformed + elements * inputStride
    var place = transformed
    for row in chunk.rows {
      for column in chunk.columns {
        transformInput(row, column, of: input, into: place, patch: patch, vectors: vectors)
        place += channels
      }
    }
    for block in 0..<filter.bounds.count - 1 {
      let first = filter.bounds[block]
      let width = filter.bounds[block + 1] - first
      for element in 0..<elements {
        kernels.gemm.run(
          GEMMBlock(
            m: chunk.count, n: width, k: channels, a: transformed + element * inputStride,
            lda: channels, b: filter.matrix(element: element, block: block),
            c: products + element * productStride, ldc: width))
      }
      transformOutputs(
        chunk, products, width: width, bias: filter.bias.base + first, into: output + first,
        rowStride: rowStride, residual: residual.map { $0 + first }, vectors: vectors)
    }
  }

  private func transformOutputs(
    _ chunk: TileGrid.Chunk, _ products: UnsafePointer<Float>, width: Int,
    bias: UnsafePointer<Float>, into output: UnsafeMutablePointer<Float>, rowStride: Int,
    residual: UnsafePointer<Float>?, vectors: UnsafeMutablePointer<Float>
  ) {
    let m = form.outputs
    let step = geometry.outputStep
    var products = products
    for row in chunk.rows {
      for column in chunk.columns {
        let place =
          (row - chunk.rows.lowerBound) * m * rowStride
          + (column - chunk.columns.lowerBound) * m * step
        kernels.winogradOutput(
          WinogradOutput(
            variant: form, channels: width, products: products, elementStride: productStride,
            out: output + place, rowStride: rowStride, positionStride: step,
            rows: min(m, geometry.outputHeight - row * m),
            columns: min(m, geometry.outputWidth - column * m), bias: bias,
            residual: residual.map { $0 + place }, nonlinearity: filter.nonlinearity,
            scratch: vectors))
        products += width
      }
    }
  }

  /// Transforms one tile in place, or, at the image's edge, from a copy with zeros around.
  private func transformInput(
    _ row: Int, _ column: Int, of input: UnsafePointer<Float>,
    into target: UnsafeMutablePointer<Float>,
    patch: UnsafeMutablePointer<Float>, vectors: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let size = form.inputs
    let step = form.outputs * form.stride
    let top = row * step - g.paddingTop
    let left = column * step - g.paddingLeft
    let isInside =
      top >= 0 && left >= 0 && top + size <= g.inputHeight && left + size <= g.inputWidth
    var source = input + (top * g.inputWidth + left) * g.inputStep
    var rowStride = g.inputWidth * g.inputStep
    if !isInside {
      memset(patch, 0, elements * g.inputStep * MemoryLayout<Float>.stride)
      let columns = max(0, -left)..<max(0, -left, min(size, g.inputWidth - left))
      for row in 0..<size where top + row >= 0 && top + row < g.inputHeight && !columns.isEmpty {
        memcpy(
          patch + (row * size + columns.lowerBound) * g.inputStep,
          source + row * rowStride + columns.lowerBound * g.inputStep,
          columns.count * g.inputStep * MemoryLayout<Float>.stride)
      }
      source = UnsafePointer(patch)
      rowStride = size * g.inputStep
    }
    kernels.winogradInput(
      WinogradInput(
        variant: form, channels: g.inputChannels, x: source, rowStride: rowStride,
        positionStride: g.inputStep, out: target, elementStride: inputStride, scratch: vectors))
  }
}
