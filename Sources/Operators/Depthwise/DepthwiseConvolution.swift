import Host
import Kernels

/// A depthwise convolution, computed directly, with vectors along the channels.
///
/// It sums the outputs of each channel as it stores them, for a subsequent squeeze-excite.
package struct DepthwiseConvolution: Operator {
  private let geometry: ConvolutionGeometry
  private let filter: DepthwiseFilter
  private let strips: Int
  private let blocks: Int
  /// Output columns computed directly from the feature map.
  private let inner: Range<Int>
  /// The columns before and after them, where the kernel extends over the edge.
  private let edges: [Range<Int>]

  package init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    geometry = layer.geometry
    filter = DepthwiseFilter(layer, kernels: kernels)
    (strips, blocks) = Self.partition(geometry)
    // A narrow interior is treated as edge, because one run of eight costs less than three short
    // ones.
    let inside = geometry.innerColumns
    inner = inside.count < 8 ? 0..<0 : inside
    edges = [0..<inner.lowerBound, inner.upperBound..<geometry.outputWidth].filter { !$0.isEmpty }
  }

  /// Strips of rows and blocks of channels: tasks of about 32 K outputs, rows first, so that a task
  /// walks through memory in order.
  private static func partition(_ geometry: ConvolutionGeometry) -> (strips: Int, blocks: Int) {
    let wanted = max(2, geometry.outputCount / 32_768)
    let strips = min(wanted, max(1, geometry.outputHeight / 4))
    let vectors = max(1, geometry.outputStride / 64)
    return (strips, min(vectors, (wanted + strips - 1) / strips))
  }

  package var packedCount: Int { filter.packedCount }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    self.filter.pack(filter, into: packed)
  }

  package var partialSums: Int { strips }

  package var scratchCount: Int {
    (edges.map { patchWidth($0) }.max() ?? 0) * geometry.kernel
      * ((geometry.outputStride + 15) / 16 + blocks - 1) / blocks * 16
  }

  /// Positions in a row under the kernel for some output columns.
  private func patchWidth(_ columns: Range<Int>) -> Int {
    (columns.count - 1) * geometry.stride + geometry.kernel
  }

  package func taskCount(batch: Int) -> Int { batch * strips * blocks }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / (strips * blocks)
    let strip = task / blocks % strips
    // Blocks begin at multiples of 16 channels.
    let vectors = evenRange(task % blocks, of: blocks, total: (geometry.outputStride + 15) / 16)
    let channels =
      vectors.lowerBound * 16..<min(vectors.upperBound * 16, geometry.outputStride)
    let input = memory.input + image * geometry.inputCount + channels.lowerBound
    let output = memory.output + image * geometry.outputCount
    let sums = memory.sums.map { $0 + (image * strips + strip) * geometry.outputStride }
    sums.map { $0 + channels.lowerBound }?.update(repeating: 0, count: channels.count)
    let rowStride = geometry.inputWidth * geometry.inputStride
    for row in evenRange(strip, of: strips, total: geometry.outputHeight) {
      let kernelRows = geometry.kernelRows(for: row)
      let top = row * geometry.stride - geometry.paddingTop + kernelRows.lowerBound
      if !inner.isEmpty {
        let left = inner.lowerBound * geometry.stride - geometry.paddingLeft
        filter.convolve(
          row: row, columns: inner, channels: channels,
          x: input + top * rowStride + left * geometry.inputStride,
          inputStride: geometry.inputStride, rowStride: rowStride, packed: memory.packed,
          sums: sums, output: output)
      }
      for columns in edges {
        copyPatch(
          input + top * rowStride, rows: kernelRows.count, columns, channels: channels.count,
          to: memory.scratch)
        filter.convolve(
          row: row, columns: columns, channels: channels, x: memory.scratch,
          inputStride: channels.count, rowStride: patchWidth(columns) * channels.count,
          packed: memory.packed, sums: sums, output: output)
      }
    }
  }

  /// Copies the input under the kernel for some output columns, with zeros beyond the edges;
  /// `source` is at column 0.
  private func copyPatch(
    _ source: UnsafePointer<Float>, rows: Int, _ columns: Range<Int>, channels: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    let width = patchWidth(columns)
    let left = columns.lowerBound * geometry.stride - geometry.paddingLeft
    for row in 0..<rows {
      for position in 0..<width {
        let copy = target + (row * width + position) * channels
        if (0..<geometry.inputWidth).contains(left + position) {
          copy.update(
            from: source + (row * geometry.inputWidth + left + position) * geometry.inputStride,
            count: channels)
        } else {
          copy.update(repeating: 0, count: channels)
        }
      }
    }
  }
}
