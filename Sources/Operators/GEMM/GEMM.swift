import Kernels

/// The product C[M, N] = activation(A[M, K] × B[K, N] + bias) (+ residual), with B packed.
///
/// Our kernels take B in blocks of columns as wide as their register tiles. Along K they count 32-bit
/// words, which hold several values at lower precision: a block of width w starting at column c is
/// `depth` × w words at `depth` · c. OpenBLAS takes B as one row-major block. If B is quantized, the
/// columns' steps and sums follow it; the bias comes last.
package struct GEMM: Sendable {
  package let k: Int
  package let n: Int
  package let precision: ProductPrecision
  /// Words of a row of A and of a column of B.
  package let depth: Int
  /// The blocks of columns.
  package let blocks: ColumnBlocks
  /// Elements of A for one position under the kernel.
  private let position: Int
  private let inputChannels: Int
  private let kernel: Int
  private let nonlinearity: Nonlinearity
  private let target: ComputeTarget
  private let microKernel: GEMMKernel

  /// The product for `layer`; with `padsChannels` and at lower precision, padding channels of the
  /// input take part with weights of zero.
  init(
    _ layer: ConvolutionLayer, _ precision: ProductPrecision = .f32, padsChannels: Bool = false,
    on target: ComputeTarget
  ) {
    let geometry = layer.geometry
    inputChannels = geometry.inputChannels
    kernel = geometry.kernel
    self.precision = precision
    let microKernel = target.kernels.gemm(precision)
    self.microKernel = microKernel
    func padded(_ elements: Int) -> Int {
      let unit = microKernel.depthUnit * microKernel.elementsPerWord
      return (elements + unit - 1) / unit * unit
    }
    switch (precision, kernel) {
    case (.f32, _): position = padsChannels ? geometry.inputStride : inputChannels
    case (_, 1): position = channelStride(inputChannels)
    case (_, _): position = padded(channelStride(inputChannels))
    }
    k = position * kernel * kernel
    n = geometry.outputChannels
    depth = padded(k) / microKernel.elementsPerWord * microKernel.terms
    nonlinearity = layer.nonlinearity
    self.target = target
    blocks =
      switch target.gemm {
      case .kernels:
        ColumnBlocks(
          channelStride(n), widest: microKernel.nr, lanes: target.kernels.lanes)
      case .openBLAS: ColumnBlocks(channelStride(n), widest: channelStride(n), lanes: 8)
      }
  }

  /// Words of a row of A for one term.
  private var termDepth: Int { depth / microKernel.terms }

  /// Elements of a row of A, padding included.
  private var rowElements: Int { termDepth * microKernel.elementsPerWord }

  /// Words of A for one position under the kernel.
  package var positionWords: Int { position / microKernel.elementsPerWord }

  /// Words of B.
  private var weightCount: Int {
    switch target.gemm {
    case .kernels: depth * channelStride(n)
    case .openBLAS: k * n
    }
  }

  /// Whether the kernel multiplies tiles of many rows (AMX).
  package var isTiled: Bool { microKernel.isTiled }

  /// The register tiles that some rows of a block take.
  package func tiles(rows: Int) -> Int { (rows + microKernel.mr - 1) / microKernel.mr }

  /// Words before the bias.
  private var biasOffset: Int {
    weightCount + (precision.isQuantized ? 2 * channelStride(n) : 0)
  }

  /// Words of the packed B and what goes with it.
  package var packedCount: Int { biasOffset + channelStride(n) }

  /// Whether `pack` skips words that must be zero.
  package var packingLeavesGaps: Bool {
    switch precision {
    case .f32: depth != inputChannels * kernel * kernel || n != channelStride(n)
    // Whole blocks are rounded, padding included.
    case .bf16, .bf16x3: n != channelStride(n)
    case .int8, .int16: true
    }
  }

  /// Packs a layer's weights and bias into `packedCount` words, zeroed if `packingLeavesGaps`.
  package func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    filter.packBias(into: packed + biasOffset)
    for block in 0..<blocks.count {
      let columns = blocks[block]
      let outputs = columns.lowerBound..<min(columns.upperBound, n)
      let words = packed + depth * columns.lowerBound
      func pack(into target: UnsafeMutablePointer<Float>, width: Int) {
        filter.pack(
          outputs, inputChannels: inputChannels, inputStride: position, kernel: kernel,
          into: target, width: width)
      }
      switch (target.gemm, precision) {
      case (.openBLAS, _): pack(into: words, width: n)
      case (.kernels, .f32): pack(into: words, width: columns.count)
      case (.kernels, .bf16):
        withZeroedFloats(2 * depth * columns.count) { floats in
          pack(into: floats, width: columns.count)
          packBF16(floats, rows: 2 * depth, width: columns.count, into: words)
        }
      case (.kernels, .bf16x3):
        withZeroedFloats(2 * termDepth * columns.count) { floats in
          pack(into: floats, width: columns.count)
          packBF16x3(floats, rows: 2 * termDepth, width: columns.count, into: words)
        }
      case (.kernels, .int8), (.kernels, .int16):
        let rows = rowElements
        withZeroedFloats(rows * columns.count) { floats in
          pack(into: floats, width: columns.count)
          packIntegers(
            floats, precision == .int8 ? .int8 : .int16, rows: rows, width: columns.count,
            into: words, steps: packed + weightCount + columns.lowerBound,
            sums: packed + weightCount + channelStride(n) + columns.lowerBound)
        }
      }
    }
  }

  /// Whether rows of A must be converted before they are multiplied, which `gate` also asks for.
  package func converts(gated: Bool) -> Bool { gated || precision != .f32 }

  /// Converts positions of a feature map, `stride` floats apart, to `positionWords` words each.
  ///
  /// The words must be zero, because padding is not written. Not for integers, which have a scale per row, and
  /// split operands.
  package func convertPositions(
    _ count: Int, _ x: UnsafePointer<Float>, stride: Int, into words: UnsafeMutablePointer<Float>
  ) {
    precondition(precision == .f32 || precision == .bf16)
    microKernel.convert(
      Panel(
        rows: count, channels: channelStride(inputChannels), x: x, xStride: stride, gate: nil,
        out: words, outStride: positionWords, partWords: positionWords, scales: words))
  }

  /// Words between converted rows: a cache line is added at multiples of 4096 bytes, where all rows
  /// would map to the same cache set.
  private var panelStride: Int { depth % 1024 == 0 ? depth + 16 : depth }

  /// Words of memory for `rows` converted rows.
  package func panelCount(rows: Int) -> Int {
    rows * (panelStride + (precision.isQuantized ? 2 : 0))
  }

  /// A panel of `rows` rows in `panelCount` words, to be converted.
  package func panel(rows: Int, at words: UnsafeMutablePointer<Float>) -> GEMMRows {
    GEMMRows(a: words, lda: panelStride, scales: words + rows * panelStride)
  }

  /// Whether converted rows end with words that no element fills.
  private var isPadded: Bool { k / microKernel.elementsPerWord < termDepth }

  /// Converts rows of a feature map, `lda` floats apart, to the first rows of a panel; multiplies them
  /// by `gate` first if there is one.
  package func convert(
    rows: Int, _ a: UnsafePointer<Float>, lda: Int, gate: UnsafePointer<Float>? = nil,
    to panel: GEMMRows
  ) {
    let target = UnsafeMutablePointer(mutating: panel.a)
    microKernel.convert(
      Panel(
        rows: rows, channels: precision == .f32 ? channelStride(k) : k, x: a, xStride: lda,
        gate: gate, out: target, outStride: panel.lda, partWords: termDepth,
        isPadded: isPadded, largest: QuantizeRowTo16.largest(depth: rowElements),
        scales: UnsafeMutablePointer(mutating: panel.scales ?? panel.a)))
  }

  /// Converts rows of a feature map into `panelCount` words.
  package func convert(
    rows: Int, _ a: UnsafePointer<Float>, lda: Int, gate: UnsafePointer<Float>? = nil,
    into words: UnsafeMutablePointer<Float>
  ) -> GEMMRows {
    let panel = panel(rows: rows, at: words)
    convert(rows: rows, a, lda: lda, gate: gate, to: panel)
    return panel
  }

  /// Some rows and blocks of the product; `c` and `residual` are at column 0.
  package func multiply(
    m: Int, _ rows: GEMMRows, blocks range: Range<Int>, packed: UnsafePointer<Float>,
    into c: UnsafeMutablePointer<Float>, ldc: Int, residual: UnsafePointer<Float>? = nil
  ) {
    switch target.gemm {
    case .kernels:
      for block in range {
        let first = blocks[block].lowerBound
        multiply(
          block: block, m: m, rows, packed: packed, into: c + first, ldc: ldc,
          residual: residual.map { $0 + first }, fetchedTiles: 0)
      }
    case .openBLAS(let library):
      library.sgemm(m: m, n: n, k: k, rows.a, lda: rows.lda, packed, c, ldc: ldc)
      target.kernels.epilogue(
        Epilogue(
          rows: m, channels: channelStride(n), c: c, ldc: ldc, bias: packed + biasOffset,
          residual: residual, ldResidual: ldc, nonlinearity: nonlinearity))
    }
  }

  /// Some rows of one block by our kernels; `c` and `residual` are at the block's first column.
  ///
  /// - Parameters:
  ///   - kernelRows: the rows of the kernel inside the feature map; by default all.
  ///   - rows: the input under the first of them.
  ///   - kernelStride: floats between the kernel's rows in the feature map.
  ///   - fetchedTiles: the tiles that have already fetched part of the next block of weights; nil to
  ///     fetch nothing.
  func multiply(
    block: Int, m: Int, _ rows: GEMMRows, kernelRows: Range<Int>? = nil, kernelStride: Int = 0,
    packed: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, ldc: Int,
    residual: UnsafePointer<Float>?, fetchedTiles: Int? = nil
  ) {
    let columns = blocks[block]
    let segment = positionWords * kernel
    let skipped = (kernelRows?.lowerBound ?? 0) * segment * columns.count
    let steps = packed + weightCount + columns.lowerBound
    var product = GEMMBlock(
      m: m, n: columns.count, k: kernelRows == nil ? depth : segment,
      segments: kernelRows?.count ?? 1, segmentStride: kernelStride, a: rows.a, lda: rows.lda,
      b: packed + depth * columns.lowerBound + skipped, c: c, ldc: ldc,
      bias: packed + biasOffset + columns.lowerBound, residual: residual, ldResidual: ldc,
      nonlinearity: nonlinearity,
      quantization: rows.scales.map {
        Quantization(rows: $0, steps: steps, sums: steps + channelStride(n))
      })
    if let fetchedTiles, kernelRows == nil, m > 1 {
      product.ahead = packed + depth * columns.upperBound
      product.fetchedTiles = fetchedTiles
    }
    microKernel.run(product)
  }
}

/// Rows of a product's left-hand side.
package struct GEMMRows {
  /// Words; floats at f32.
  package var a: UnsafePointer<Float>
  /// Words between rows.
  package var lda: Int
  /// Step and offset of each row, if it is quantized.
  package var scales: UnsafePointer<Float>?

  /// - Parameter scales: nil unless the rows were converted.
  package init(a: UnsafePointer<Float>, lda: Int, scales: UnsafePointer<Float>? = nil) {
    self.a = a
    self.lda = lda
    self.scales = scales
  }

  /// The rows from `row` on.
  package func from(_ row: Int) -> GEMMRows {
    GEMMRows(a: a + row * lda, lda: lda, scales: scales.map { $0 + 2 * row })
  }
}

/// Columns cut into blocks of whole vectors, as equal as possible: only the last block may end in a
/// half vector.
///
/// A half vector takes as long as a whole one, so 160 columns are cut into 32, 48, 32 and 48: four
/// blocks of 40 would take six vectors for every five.
package struct ColumnBlocks: Sendable {
  /// The first columns of the blocks, and the end.
  private let bounds: [Int]

  /// - Parameters:
  ///   - columns: a multiple of 8.
  ///   - widest: the maximum number of columns in a block.
  ///   - lanes: columns in a vector.
  package init(_ columns: Int, widest: Int, lanes: Int) {
    let count = (columns + widest - 1) / widest
    let unit = max(8, lanes)
    let units = (columns + unit - 1) / unit
    bounds = (0...count).map {
      min(evenRange($0, of: count, total: units).lowerBound * unit, columns)
    }
  }

  package var count: Int { bounds.count - 1 }

  package subscript(block: Int) -> Range<Int> { bounds[block]..<bounds[block + 1] }

  /// The number of columns in the widest block.
  package var widest: Int { zip(bounds, bounds.dropFirst()).map { $1 - $0 }.max() ?? 0 }
}
