import Kernels

/// The gradient with respect to the input of a depthwise convolution of any stride.
///
/// Input positions fall into stride × stride phases: those of one phase meet every `stride`-th tap of
/// the kernel, so their gradient is a depthwise convolution of stride 1 with a smaller, flipped kernel.
package struct ScatteredDepthwise: InputGradient {
  package let arithmetic: [Precision: Int]
  private let geometry: ConvolutionGeometry
  private let kernels: KernelTable
  /// Strips of input rows, one to a task.
  private let strips: Int

  /// - Parameter layer: the layer itself.
  package init(_ layer: ConvolutionLayer, kernels: KernelTable) {
    arithmetic = [.f32: layer.macs]
    geometry = layer.geometry
    precondition(geometry.inputStride == geometry.outputStride)
    self.kernels = kernels
    let rows = max(4, 1024 / geometry.inputWidth)
    strips = (geometry.inputHeight + rows - 1) / rows
  }

  /// Taps of a phase along one side.
  private func taps(_ phase: Int) -> Int {
    max(0, geometry.kernel - phase + geometry.stride - 1) / geometry.stride
  }

  /// The weights of the phases, one after another, then zeros.
  package var packedCount: Int { weights.count(channels: geometry.outputStride) }

  private var weights: DepthwiseWeights {
    DepthwiseWeights(taps: geometry.kernel * geometry.kernel)
  }

  /// Taps before those of a phase.
  private func offset(row: Int, column: Int) -> Int {
    (0..<row).reduce(0) { $0 + taps($1) } * geometry.kernel
      + taps(row) * (0..<column).reduce(0) { $0 + taps($1) }
  }

  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    for row in 0..<g.kernel {
      for column in 0..<g.kernel {
        let (phaseRow, phaseColumn) = (row % g.stride, column % g.stride)
        let (height, width) = (taps(phaseRow), taps(phaseColumn))
        let flipped =
          (height - 1 - row / g.stride) * width + width - 1 - column / g.stride
        let tap = offset(row: phaseRow, column: phaseColumn) + flipped
        for channel in 0..<g.outputChannels {
          packed[weights.offset(tap: tap, channel: channel)] =
            filter.weights[(channel * g.kernel + row) * g.kernel + column]
        }
      }
    }
  }

  /// Zeros left and right of a copied row.
  private var margin: Int { geometry.kernel / geometry.stride + 1 }
  /// Positions of a copied row: up to the last that any input column meets.
  private var paddedWidth: Int {
    margin
      + max(
        geometry.outputWidth,
        (geometry.inputWidth - 1 + geometry.paddingLeft) / geometry.stride + 1)
  }

  /// The output rows that some input rows meet.
  func outputRows(_ rows: Range<Int>) -> Range<Int> {
    let g = geometry
    let first = (rows.lowerBound + g.paddingTop - g.kernel + g.stride) / g.stride
    let last = (rows.upperBound - 1 + g.paddingTop) / g.stride
    let lower = max(0, min(first, g.outputHeight))
    return lower..<max(lower, min(last + 1, g.outputHeight))
  }

  package var scratchCount: Int {
    scratchCount(
      rows: (geometry.inputHeight + strips - 1) / strips, channels: geometry.outputStride)
  }

  /// Floats of scratch memory for some input rows and channels.
  func scratchCount(rows: Int, channels: Int) -> Int {
    let met = (rows + geometry.kernel - 2) / geometry.stride + 1
    return min(met, geometry.outputHeight) * paddedWidth * channels
  }

  package func taskCount(batch: Int) -> Int { batch * strips }

  package func run(task: Int, batch: Int, _ memory: OperatorMemory) {
    let image = task / strips
    let rows = evenRange(task % strips, of: strips, total: geometry.inputHeight)
    var part = memory
    part.input += image * geometry.outputCount
    part.output +=
      image * geometry.inputCount + rows.lowerBound * geometry.inputWidth * geometry.inputStride
    run(rows: rows, channels: 0..<geometry.outputStride, part)
  }

  /// The gradient of some rows and channels of one image's input.
  ///
  /// - Parameters:
  ///   - channels: Begins at a multiple of 16 or of the vectors' width, and ends at one of 8.
  ///   - memory: The gradient of the image's output as `input`; as `output` those rows, of which a position
  ///     has those channels.
  func run(rows: Range<Int>, channels: Range<Int>, _ memory: OperatorMemory) {
    let source = outputRows(rows)
    copy(source, channels, of: memory.input, to: memory.scratch)
    for row in rows {
      for phase in 0..<min(geometry.stride, geometry.inputWidth) {
        convolve(
          row: row, firstColumn: phase, from: source, channels, memory,
          into: memory.output
            + ((row - rows.lowerBound) * geometry.inputWidth + phase) * channels.count)
      }
    }
  }

  /// Copies rows of the output's gradient with zeros around them.
  private func copy(
    _ rows: Range<Int>, _ channels: Range<Int>, of gradient: UnsafePointer<Float>,
    to target: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let before = margin * channels.count
    let count = g.outputWidth * channels.count
    let width = paddedWidth * channels.count
    for (index, row) in rows.enumerated() {
      let line = target + index * width
      let source = gradient + row * g.outputWidth * g.outputStride + channels.lowerBound
      line.update(repeating: 0, count: before)
      if channels.count == g.outputStride {
        (line + before).update(from: source, count: count)
      } else {
        for column in 0..<g.outputWidth {
          (line + before + column * channels.count)
            .update(from: source + column * g.outputStride, count: channels.count)
        }
      }
      (line + before + count).update(repeating: 0, count: width - before - count)
    }
  }

  /// Every `stride`-th column of an input row, the first of them at `output`; `rows` have been copied to
  /// the scratch memory.
  private func convolve(
    row: Int, firstColumn: Int, from rows: Range<Int>, _ channels: Range<Int>,
    _ memory: OperatorMemory, into output: UnsafeMutablePointer<Float>
  ) {
    let g = geometry
    let (y, x) = (row + g.paddingTop, firstColumn + g.paddingLeft)
    let (height, width) = (taps(y % g.stride), taps(x % g.stride))
    // The output row and column under the first of the phase's taps.
    let (top, left) = (y / g.stride - height + 1, x / g.stride - width + 1)
    let inside =
      max(
        top, rows.lowerBound)..<max(
        top, rows.lowerBound, min(top + height, rows.upperBound))
    let tap =
      offset(row: y % g.stride, column: x % g.stride)
      + (inside.lowerBound - top) * width
    let copied = (inside.lowerBound - rows.lowerBound) * paddedWidth + margin + left
    kernels.depthwise(
      DepthwiseRow(
        side: width, stride: 1, channels: channels.count,
        x: memory.scratch + copied * channels.count, inputStride: channels.count,
        rowStride: paddedWidth * channels.count,
        weights: memory.packed + weights.offset(tap: tap, channel: 0),
        bias: memory.packed + weights.offset(tap: g.kernel * g.kernel, channel: 0),
        groupStride: weights.groupStride, firstChannel: channels.lowerBound,
        kernelRows: inside.count, out: output,
        width: (g.inputWidth - firstColumn + g.stride - 1) / g.stride,
        outputStride: g.stride * channels.count, nonlinearity: .identity, sums: nil))
  }
}
