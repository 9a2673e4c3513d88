import Kernels

/// The layout of the sums of a weight gradient.
///
/// The values under one row of the kernel are `run` floats, padding channels included. By output, the
/// sums are `[output][kernel row][run]`, from which PyTorch's order is only a permutation inside an
/// output away. Otherwise they are `[kernel row][run][output]`: for a 1×1 convolution with more outputs
/// than inputs, because wide rows fill the register tiles (160 → 960 channels: 84 % of the peak instead
/// of 72 %), unless there are so few positions that the transposition costs more; and for the network's
/// input, which has three channels and no padding, because vectors need a multiple of 8.
struct WeightGradientLayout: Sendable {
  private let geometry: ConvolutionGeometry
  /// Whether outputs are the sums' rows.
  let isByOutput: Bool

  init(_ geometry: ConvolutionGeometry) {
    self.geometry = geometry
    isByOutput =
      geometry.inputStride % 8 == 0
      && (geometry.kernel > 1 || geometry.inputStride >= geometry.outputStride
        || geometry.outputPositions < 512)
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

  /// The number of tasks that add up a number of sets of sums.
  func reductionCount(parts: Int) -> Int {
    max(1, min(geometry.outputChannels, count * parts / 65_536))
  }

  /// Adds all sets for one task's outputs to `gradient`, `[output][input][row][column]`.
  func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>
  ) {
    add(
      evenRange(task, of: reductionCount(parts: parts), total: geometry.outputChannels),
      of: partials, chunks: parts, to: gradient)
  }

  /// Adds the sums of all chunks for some outputs to `gradient`, `[output][input][row][column]`.
  private func add(
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
      for first in stride(from: outputs.lowerBound, to: outputs.upperBound, by: 16) {
        gather(
          first..<min(first + 16, outputs.upperBound), of: partials, chunks: chunks, to: gradient)
      }
    }
  }

  /// Adds the chunks in order, all of them at each place: memory delivers several streams faster than
  /// one after another.
  private func add(
    _ count: Int, of partials: UnsafePointer<Float>, chunks: Int,
    to target: UnsafeMutablePointer<Float>
  ) {
    typealias Vector = SIMD16<Float>
    let whole = count - count % Vector.scalarCount
    for first in stride(from: 0, to: whole, by: Vector.scalarCount) {
      let place = UnsafeMutableRawPointer(target + first)
      var sum = place.loadUnaligned(as: Vector.self)
      var source = UnsafeRawPointer(partials + first)
      for _ in 0..<chunks {
        sum += source.loadUnaligned(as: Vector.self)
        source += 4 * self.count
      }
      place.storeBytes(of: sum, as: Vector.self)
    }
    for index in whole..<count {
      for chunk in 0..<chunks { target[index] += partials[chunk * self.count + index] }
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

  /// Adds the sums of at most 16 outputs, each in a column, in squares that stay in the L1 cache.
  private func gather(
    _ outputs: Range<Int>, of partials: UnsafePointer<Float>, chunks: Int,
    to gradient: UnsafeMutablePointer<Float>
  ) {
    let taps = geometry.kernel * geometry.kernel
    let inputs = geometry.inputChannels
    withZeroedFloats(256) { square in
      for tap in 0..<taps {
        for first in stride(from: 0, to: inputs, by: 16) {
          let channels = first..<min(first + 16, inputs)
          let source = partials + tap * geometry.inputStride * ldc + outputs.lowerBound
          for (row, channel) in channels.enumerated() {
            let sums = square + 16 * row
            sums.update(from: source + channel * ldc, count: outputs.count)
            for chunk in 1..<max(1, chunks) {
              let part = source + chunk * count + channel * ldc
              for column in 0..<outputs.count { sums[column] += part[column] }
            }
          }
          for (column, output) in outputs.enumerated() {
            var weight = gradient + (output * inputs + first) * taps + tap
            for row in 0..<channels.count {
              weight.pointee += square[16 * row + column]
              weight += taps
            }
          }
        }
      }
    }
  }
}
