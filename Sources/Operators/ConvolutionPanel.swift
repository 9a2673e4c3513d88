import Kernels

/// The left-hand side of a convolution's matrix product: some output positions, a row each.
///
/// A 1×1 convolution reads the feature map in place, or, where squeeze-excite gates it, a scaled
/// copy; any other gathers a panel by im2col. Copies go to scratch memory, a panel at a time.
struct ConvolutionPanel: Sendable {
  let geometry: ConvolutionGeometry
  let gatesInput: Bool
  private let im2col: Im2col
  private let kernels: KernelTable

  init(_ geometry: ConvolutionGeometry, gatesInput: Bool, kernels: KernelTable) {
    precondition(!gatesInput || geometry.isPointwise)
    self.geometry = geometry
    self.gatesInput = gatesInput
    self.kernels = kernels
    im2col = Im2col(geometry: geometry)
  }

  /// Whether no copy is made.
  var isInPlace: Bool { geometry.isPointwise && !gatesInput }

  /// Floats of scratch memory for `rows` positions.
  func scratchCount(rows: Int) -> Int {
    isInPlace ? 0 : rows * (gatesInput ? geometry.inputStep : geometry.depth)
  }

  /// The rows of `positions` of one image, and the floats between them.
  func make(
    _ positions: Range<Int>, image: Int, _ memory: OperatorMemory
  ) -> (rows: UnsafePointer<Float>, stride: Int) {
    let input = memory.input + image * geometry.inputCount
    let step = geometry.inputStep
    guard geometry.isPointwise else {
      im2col.gather(positions, of: input, into: memory.scratch)
      return (UnsafePointer(memory.scratch), geometry.depth)
    }
    guard gatesInput, let gate = memory.gate else {
      return (input + positions.lowerBound * step, step)
    }
    kernels.scale(
      ChannelScale(
        rows: positions.count, channels: step, x: input + positions.lowerBound * step,
        xStride: step, gate: gate + image * step, out: memory.scratch, outStride: step))
    return (UnsafePointer(memory.scratch), step)
  }
}
