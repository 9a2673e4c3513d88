import Kernels

/// The product C[M, N] = activation(A[M, K] × B[K, N] + bias) (+ residual), with B packed.
///
/// Our kernels take B in blocks of columns as wide as their register tiles: a block of width w
/// starting at column c is K × w floats at K · c. OpenBLAS takes B as one row-major block. The bias
/// follows B.
package struct GEMM: Sendable {
  package let k: Int
  package let n: Int
  /// The blocks of columns.
  package let blocks: ColumnBlocks
  /// Floats in a row of A for one row of the kernel.
  private let segment: Int
  private let inputChannels: Int
  private let kernel: Int
  private let nonlinearity: Nonlinearity
  private let target: ComputeTarget

  /// The product for `layer`; with `padsChannels`, padding channels of the input take part with
  /// weights of zero.
  init(_ layer: ConvolutionLayer, padsChannels: Bool = false, on target: ComputeTarget) {
    let geometry = layer.geometry
    inputChannels = geometry.inputChannels
    kernel = geometry.kernel
    segment = (padsChannels ? geometry.inputStride : inputChannels) * kernel
    k = segment * kernel
    n = geometry.outputChannels
    nonlinearity = layer.nonlinearity
    self.target = target
    blocks =
      switch target.gemm {
      case .kernels:
        ColumnBlocks(
          channelStride(n), widest: target.kernels.gemm.nr, lanes: target.kernels.lanes)
      case .openBLAS: ColumnBlocks(channelStride(n), widest: channelStride(n), lanes: 8)
      }
  }

  /// Floats between rows of a block.
  private func stride(of block: Int) -> Int {
    switch target.gemm {
    case .kernels: blocks[block].count
    case .openBLAS: n
    }
  }

  private var weightCount: Int {
    switch target.gemm {
    case .kernels: k * channelStride(n)
    case .openBLAS: k * n
    }
  }

  /// Floats of the packed B and bias.
  package var packedCount: Int { weightCount + channelStride(n) }

  /// Packs a layer's weights and bias into `packedCount` zeroed floats.
  package func pack(_ filter: ConvolutionFilter, into packed: UnsafeMutablePointer<Float>) {
    filter.packBias(into: packed + weightCount)
    for block in 0..<blocks.count {
      let columns = blocks[block]
      filter.pack(
        columns.lowerBound..<min(columns.upperBound, n), inputChannels: inputChannels,
        inputStride: segment / kernel, kernel: kernel, into: packed + k * columns.lowerBound,
        width: stride(of: block))
    }
  }

  /// Some rows and blocks of the product; `c` and `residual` are at column 0.
  package func multiply(
    m: Int, _ a: UnsafePointer<Float>, lda: Int, blocks range: Range<Int>,
    packed: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>, ldc: Int,
    residual: UnsafePointer<Float>? = nil
  ) {
    switch target.gemm {
    case .kernels:
      for block in range {
        let first = blocks[block].lowerBound
        multiply(
          block: block, m: m, a, lda: lda, packed: packed, into: c + first, ldc: ldc,
          residual: residual.map { $0 + first })
      }
    case .openBLAS(let library):
      library.sgemm(m: m, n: n, k: k, a, lda: lda, packed, c, ldc: ldc)
      target.kernels.epilogue(
        Epilogue(
          rows: m, channels: channelStride(n), c: c, ldc: ldc, bias: packed + weightCount,
          residual: residual, ldResidual: ldc, nonlinearity: nonlinearity))
    }
  }

  /// Some rows of one block by our kernels; `c` and `residual` are at the block's first column.
  ///
  /// - Parameters:
  ///   - kernelRows: the rows of the kernel inside the feature map; by default all.
  ///   - a: the input under the first of them for the first row.
  ///   - kernelStride: floats between the kernel's rows in the feature map.
  func multiply(
    block: Int, m: Int, _ a: UnsafePointer<Float>, lda: Int, kernelRows: Range<Int>? = nil,
    kernelStride: Int = 0, packed: UnsafePointer<Float>, into c: UnsafeMutablePointer<Float>,
    ldc: Int, residual: UnsafePointer<Float>?
  ) {
    let columns = blocks[block]
    let skipped = (kernelRows?.lowerBound ?? 0) * segment * columns.count
    target.kernels.gemm.run(
      GEMMBlock(
        m: m, n: columns.count, k: kernelRows == nil ? k : segment,
        segments: kernelRows?.count ?? 1, segmentStride: kernelStride, a: a, lda: lda,
        b: packed + k * columns.lowerBound + skipped, c: c, ldc: ldc,
        bias: packed + weightCount + columns.lowerBound, residual: residual, ldResidual: ldc,
        nonlinearity: nonlinearity))
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
