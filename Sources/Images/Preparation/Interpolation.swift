import Kernels

/// The filter for resizing an image.
///
/// When an image shrinks, the filters are stretched by the scale, so that every source pixel
/// counts: the "antialiased" resize of Pillow and torchvision.
public enum Interpolation: String, Equatable, Hashable, Sendable, CaseIterable {
  /// A triangle of radius 1.
  case bilinear
  /// Keys' cubic of radius 2 with a = -1/2.
  case bicubic

  /// The distance in pixels beyond which the filter is zero.
  var radius: Double {
    switch self {
    case .bilinear: return 1
    case .bicubic: return 2
    }
  }

  /// The weight at a distance in pixels.
  ///
  /// The operations are in the same order as in Pillow's `Resample.c`, because the result must be
  /// bit-identical.
  func weight(at distance: Double) -> Double {
    let x = abs(distance)
    switch self {
    case .bilinear:
      return x < 1 ? 1 - x : 0
    case .bicubic:
      let a = -0.5
      if x < 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
      if x < 2 { return (((x - 5) * x + 8) * x - 4) * a }
      return 0
    }
  }
}

/// The input positions, and their weights, for neighbouring output positions along one axis.
///
/// Weights are fixed-point numbers with ``fractionBits`` fractional bits, computed and rounded as
/// in Pillow's `precompute_coeffs` and `normalize_coeffs_8bpc`.
struct ResamplingWeights {
  /// The number of fractional bits: 32, minus 8 for a pixel and two spare bits.
  static let fractionBits = ResamplingKernel.fractionBits

  /// The first input position of each output position.
  private(set) var starts: [Int] = []
  /// The number of input positions of each output position.
  private(set) var counts: [Int] = []
  /// The weights of output position `i` begin at `i * stride`.
  private(set) var weights: [Int32] = []
  /// The largest number of weights for one output position.
  let stride: Int

  /// The range of input positions used by the output positions.
  private(set) var inputs: Range<Int>

  /// Computes the weights for the positions `outputs` of an axis, of which the part `source` is
  /// resized to `outputSize` positions.
  ///
  /// As in Pillow, the filter also uses the positions beside `source`, as far as there are any.
  ///
  /// - Precondition: `source` is not empty and within `0..<inputSize`; `outputs` is not empty and
  ///   within `0..<outputSize`.
  init(
    from source: Range<Int>, of inputSize: Int, to outputSize: Int, outputs: Range<Int>,
    interpolation: Interpolation
  ) {
    precondition(!source.isEmpty && source.lowerBound >= 0 && source.upperBound <= inputSize)
    precondition(!outputs.isEmpty && outputs.lowerBound >= 0 && outputs.upperBound <= outputSize)
    let scale = Double(source.count) / Double(outputSize)
    let stretch = max(scale, 1)
    let reach = interpolation.radius * stretch
    let stride = Int(reach.rounded(.up)) * 2 + 1
    self.stride = stride
    weights = [Int32](repeating: 0, count: outputs.count * stride)
    starts.reserveCapacity(outputs.count)
    counts.reserveCapacity(outputs.count)
    var exact = [Double](repeating: 0, count: stride)
    for (row, output) in outputs.enumerated() {
      let center = Double(source.lowerBound) + (Double(output) + 0.5) * scale
      let start = max(Int(center - reach + 0.5), 0)
      let count = min(Int(center + reach + 0.5), inputSize) - start
      var sum = 0.0
      let shrink = 1 / stretch
      for tap in 0..<count {
        exact[tap] = interpolation.weight(at: (Double(tap + start) - center + 0.5) * shrink)
        sum += exact[tap]
      }
      for tap in 0..<count {
        let share = sum == 0 ? exact[tap] : exact[tap] / sum
        let scaled = share * Double(1 << Self.fractionBits)
        weights[row * stride + tap] = Int32(share < 0 ? scaled - 0.5 : scaled + 0.5)
      }
      starts.append(start)
      counts.append(count)
    }
    let ends = zip(starts, counts).map { $0 + $1 }
    inputs = (starts.min() ?? 0)..<(ends.max() ?? 0)
  }

  /// The weights along the same axis in the opposite direction.
  func reversed(of inputSize: Int) -> ResamplingWeights {
    var result = self
    result.starts = zip(starts, counts).map { inputSize - $0 - $1 }.reversed()
    result.counts = counts.reversed()
    for output in 0..<count {
      withWeights(of: output) { forwards in
        for (tap, weight) in forwards.enumerated() {
          result.weights[(count - 1 - output) * stride + forwards.count - 1 - tap] = weight
        }
      }
    }
    result.inputs = inputSize - inputs.upperBound..<inputSize - inputs.lowerBound
    return result
  }

  /// The number of output positions.
  var count: Int { starts.count }

  /// Calls `body` with the weights of one output position.
  func withWeights(of output: Int, _ body: (UnsafeBufferPointer<Int32>) -> Void) {
    weights.withUnsafeBufferPointer { all in
      let first = output * stride
      body(UnsafeBufferPointer(rebasing: all[first..<first + counts[output]]))
    }
  }
}
