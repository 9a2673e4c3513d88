import Kernels

/// The layout of the sums of a weight gradient.
///
/// The values under one row of the kernel are `run` floats, padding channels included. The sums are
/// `[output][kernel row][run]`, from which PyTorch's order is only a permutation inside an output away.
/// The network's input has three channels and no padding; there they are `[kernel row][run][output]`,
/// because the kernel's vectors need a multiple of 8.
struct WeightGradientLayout: Sendable {
  private let geometry: ConvolutionGeometry
  /// Whether outputs are the sums' rows.
  let isByOutput: Bool

  init(_ geometry: ConvolutionGeometry) {
    self.geometry = geometry
    isByOutput = geometry.inputStride % 8 == 0
  }

  /// Floats under one row of the kernel.
  var run: Int { geometry.kernel * geometry.inputStride }
  /// Rows of the sums for one row of the kernel.
  var rows: Int { isByOutput ? geometry.outputChannels : run }
  /// Their columns, a multiple of 8.
  var columns: Int { isByOutput ? run : geometry.outputStride }
  /// Floats between rows.
  var ldc: Int { isByOutput ? geometry.kernel * run : geometry.outputStride }
  /// Floats of all sums.
  var count: Int { geometry.kernel * rows * columns }

  /// The first column of a row.
  func offset(kernelRow: Int, row: Int) -> Int {
    isByOutput ? row * ldc + kernelRow * run : (kernelRow * run + row) * ldc
  }

  /// Adds the sums of all chunks for some outputs to `gradient`, `[output][input][row][column]`.
  func add(
    _ outputs: Range<Int>, of partials: UnsafePointer<Float>, chunks: Int,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let depth = geometry.depth
    if isByOutput && ldc == depth && geometry.kernel == 1 {
      // In PyTorch's order already.
      let first = outputs.lowerBound * depth
      add(
        outputs.count * depth, of: partials + first, chunks: chunks, to: gradient + first)
    } else if isByOutput {
      withZeroedFloats(ldc) { sums in
        for output in outputs {
          sums.update(repeating: 0, count: ldc)
          add(ldc, of: partials + output * ldc, chunks: chunks, to: sums)
          permute(sums, to: gradient + output * depth)
        }
      }
    } else {
      for output in outputs { gather(output, of: partials, chunks: chunks, to: gradient) }
    }
  }

  /// Adds the chunks in order.
  private func add(
    _ count: Int, of partials: UnsafePointer<Float>, chunks: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    // Pieces that stay in the L1 cache.
    for first in stride(from: 0, to: count, by: 4096) {
      let piece = target + first
      let width = min(4096, count - first)
      for chunk in 0..<chunks {
        let source = partials + chunk * self.count + first
        for index in 0..<width { piece[index] += source[index] }
      }
    }
  }

  /// Adds one output's sums, in the order of `run`, to weights in PyTorch's order.
  private func permute(_ sums: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
    let taps = geometry.kernel * geometry.kernel
    var weight = target
    for channel in 0..<geometry.inputChannels {
      var source = sums + channel
      for tap in 0..<taps {
        weight[tap] += source.pointee
        source += geometry.inputStride
      }
      weight += taps
    }
  }

  /// The same for sums with an output in a column.
  private func gather(
    _ output: Int, of partials: UnsafePointer<Float>, chunks: Int,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let taps = geometry.kernel * geometry.kernel
    for channel in 0..<geometry.inputChannels {
      for tap in 0..<taps {
        let source = partials + (tap * geometry.inputStride + channel) * ldc + output
        let weight = gradient + (output * geometry.inputChannels + channel) * taps + tap
        for chunk in 0..<chunks { weight.pointee += source[chunk * count] }
      }
    }
  }
}
