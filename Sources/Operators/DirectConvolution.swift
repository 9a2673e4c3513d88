import Host
import Kernels

/// A k×k convolution by the packed product, its left-hand side read where it lies in the feature
/// map: an im2col that is never written.
///
/// Under the kernel, k neighbouring positions of a row are one run of floats, and the next output
/// position's run begins `stride` positions later: k segments of a row of A. Only the few output
/// columns whose kernel hangs over the left or right edge are gathered, with zeros around.
package final class DirectConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let matrix: PackedMatrix
  private let im2col: Im2col
  /// Output columns whose kernel lies inside the image.
  private let inner: Range<Int>
  /// Tasks per image: strips of output rows.
  private let strips: Int

  /// Packs `filter`.
  package init(_ geometry: ConvolutionGeometry, _ filter: ConvolutionFilter, kernels: KernelTable)
    throws(OutOfMemory)
  {
    // Channels that only fill up the step take part, with weights of zero.
    var padded = geometry
    padded.inputChannels = geometry.inputStep
    self.geometry = padded
    im2col = Im2col(geometry: padded)
    matrix = try PackedMatrix(
      filter, inputChannels: geometry.inputChannels, inputStep: geometry.inputStep,
      kernel: geometry.kernel, kernels: kernels)
    inner = geometry.innerColumns
    // About a million multiply-adds in a task: some ten microseconds, enough for a dispatch not to
    // show, and tasks enough for two threads to finish together.
    let work = geometry.outputPositions * geometry.depth * geometry.outputChannels
    strips = min(geometry.outputHeight, max(2, work >> 20))
  }

  package var strategy: String { "direct" }

  package var packedBytes: Int { matrix.packedBytes }

  package var scratchCount: Int { stripHeight * geometry.depth }

  private var stripHeight: Int { (geometry.outputHeight + strips - 1) / strips }

  package func taskCount(batch: Int) -> Int { batch * strips }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / strips
    let rows = evenRange(task % strips, of: strips, total: geometry.outputHeight)
    let input = memory.input + image * geometry.inputCount
    let output = memory.output + image * geometry.outputCount
    let residual = memory.residual.map { $0 + image * geometry.outputCount }
    for block in 0..<matrix.blockCount {
      for row in rows where !inner.isEmpty {
        multiply(row: row, block: block, input, output, residual)
      }
    }
    for column in 0..<geometry.outputWidth where !inner.contains(column) {
      gather(column: column, rows, input, memory.scratch, output, residual)
    }
  }

  /// The inner columns of one output row.
  private func multiply(
    row: Int, block: Int, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ residual: UnsafePointer<Float>?
  ) {
    let g = geometry
    let top = row * g.stride - g.paddingTop
    let lowest = max(0, -top)
    let kernelRows = lowest..<max(lowest, min(g.kernel, g.inputHeight - top))
    let left = inner.lowerBound * g.stride - g.paddingLeft
    let place =
      (row * g.outputWidth + inner.lowerBound) * g.outputStep + matrix.bounds[block]
    matrix.multiply(
      block: block, rows: inner.count,
      input + ((top + lowest) * g.inputWidth + left) * g.inputStep, stride: g.stride * g.inputStep,
      kernelRows: kernelRows, kernelStride: g.inputWidth * g.inputStep, into: output + place,
      stride: g.outputStep, residual: residual.map { $0 + place })
  }

  /// One column at the edge, for all rows of a strip: rows of A that are a row of the image apart.
  private func gather(
    column: Int, _ rows: Range<Int>, _ input: UnsafePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>, _ output: UnsafeMutablePointer<Float>,
    _ residual: UnsafePointer<Float>?
  ) {
    let g = geometry
    for (index, row) in rows.enumerated() {
      im2col.gather(row: row, column: column, of: input, into: scratch + index * g.depth)
    }
    let place = (rows.lowerBound * g.outputWidth + column) * g.outputStep
    matrix.multiply(
      rows: rows.count, scratch, stride: g.depth, blocks: 0..<matrix.blockCount,
      into: output + place, stride: g.outputWidth * g.outputStep,
      residual: residual.map { $0 + place })
  }
}

extension ConvolutionGeometry {
  /// Output columns whose whole kernel lies inside the image.
  var innerColumns: Range<Int> {
    let first = min((paddingLeft + stride - 1) / stride, outputWidth)
    let reach = inputWidth - kernel + paddingLeft
    return first..<max(first, reach < 0 ? 0 : min(reach / stride + 1, outputWidth))
  }
}
