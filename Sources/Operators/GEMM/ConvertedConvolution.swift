import Kernels

/// A k×k convolution at lower precision, by itself or followed by the projection of a fused inverted
/// bottleneck (EfficientNetV2, arXiv 2104.00298, figure 2).
///
/// The input rows of a strip are converted once, with zeros around them; the product reads its
/// left-hand side there, as `DirectConvolution` does in the feature map. The expanded map of a bottleneck
/// is computed one row at a time and never reaches main memory.
package struct ConvertedConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let gemm: GEMM
  private let projection: (geometry: ConvolutionGeometry, gemm: GEMM)?
  /// Tasks for each image: strips of output rows.
  private let strips: Int
  /// Positions in a converted row, including zeros.
  private let paddedWidth: Int

  /// - Parameters:
  ///   - layer: the convolution, in bf16.
  ///   - project: the 1×1 convolution that alone reads it, and its precision.
  package init(
    _ layer: ConvolutionLayer,
    project: (layer: ConvolutionLayer, precision: ProductPrecision)? = nil,
    on target: ComputeTarget
  ) {
    geometry = layer.geometry
    gemm = GEMM(layer, .bf16, on: target)
    projection = project.map {
      ($0.layer.geometry, GEMM($0.layer, $0.precision, on: target))
    }
    paddedWidth = max(
      geometry.paddingLeft + geometry.inputWidth,
      (geometry.outputWidth - 1) * geometry.stride + geometry.kernel)
    // Strips of 16 rows convert few rows twice; four let two threads finish together.
    strips = max((geometry.outputHeight + 15) / 16, min(geometry.outputHeight, 4))
  }

  package var packedCount: Int { gemm.packedCount + (projection?.gemm.packedCount ?? 0) }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    if layer == 0 {
      gemm.pack(filter, into: packed)
    } else {
      projection?.gemm.pack(filter, into: packed + gemm.packedCount)
    }
  }

  private var rowWords: Int { paddedWidth * gemm.positionWords }

  /// Words of the converted rows of the tallest strip.
  private var convertedCount: Int {
    let outputRows = (geometry.outputHeight + strips - 1) / strips
    let rows = min(geometry.inputHeight, (outputRows - 1) * geometry.stride + geometry.kernel)
    return rows * rowWords
  }

  /// Floats of a row of the expanded map.
  private var expandedCount: Int { geometry.outputWidth * geometry.outputStride }

  package var scratchCount: Int {
    convertedCount
      + (projection.map { expandedCount + $0.gemm.panelCount(rows: geometry.outputWidth) } ?? 0)
  }

  package func taskCount(batch: Int) -> Int { batch * strips }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / strips
    let rows = evenRange(task % strips, of: strips, total: geometry.outputHeight)
    let top = max(0, rows.lowerBound * geometry.stride - geometry.paddingTop)
    let bottom = min(
      geometry.inputHeight,
      (rows.upperBound - 1) * geometry.stride - geometry.paddingTop + geometry.kernel)
    let output = projection?.geometry ?? geometry
    var memory = memory
    memory.input += image * geometry.inputCount
    memory.output += image * output.outputCount
    memory.residual = memory.residual.map { $0 + image * output.outputCount }
    convert(top..<bottom, memory)
    for row in rows {
      let offset = row * output.outputWidth * output.outputStride
      let residual = memory.residual.map { $0 + offset }
      guard let projection else {
        convolve(row, top: top, into: memory.output + offset, residual: residual, memory)
        continue
      }
      let expanded = memory.scratch + convertedCount
      convolve(row, top: top, into: expanded, residual: nil, memory)
      let panel = projection.gemm.convert(
        rows: geometry.outputWidth, expanded, lda: geometry.outputStride,
        into: expanded + expandedCount)
      projection.gemm.multiply(
        m: geometry.outputWidth, panel, blocks: 0..<projection.gemm.blocks.count,
        packed: memory.packed + gemm.packedCount, into: memory.output + offset,
        ldc: output.outputStride, residual: residual)
    }
  }

  private func convert(_ rows: Range<Int>, _ memory: OperatorMemory) {
    let left = geometry.paddingLeft * gemm.positionWords
    for row in rows {
      let line = memory.scratch + (row - rows.lowerBound) * rowWords
      line.update(repeating: 0, count: rowWords)
      gemm.convertPositions(
        geometry.inputWidth, memory.input + row * geometry.inputWidth * geometry.inputStride,
        stride: geometry.inputStride, into: line + left)
    }
  }

  /// One output row, from converted rows the first of which is the image's row `top`.
  private func convolve(
    _ row: Int, top: Int, into c: UnsafeMutablePointer<Float>, residual: UnsafePointer<Float>?,
    _ memory: OperatorMemory
  ) {
    let kernelRows = geometry.kernelRows(for: row)
    let first = row * geometry.stride - geometry.paddingTop + kernelRows.lowerBound
    let a = GEMMRows(
      a: memory.scratch + (first - top) * rowWords, lda: geometry.stride * gemm.positionWords)
    for block in 0..<gemm.blocks.count {
      let column = gemm.blocks[block].lowerBound
      gemm.multiply(
        block: block, m: geometry.outputWidth, a, kernelRows: kernelRows, kernelStride: rowWords,
        packed: memory.packed, into: c + column, ldc: geometry.outputStride,
        residual: residual.map { $0 + column })
    }
  }
}
