import Kernels

/// A layer with weights, as an operator sees it: sizes for one image, and the epilogue.
package struct ConvolutionLayer: Hashable, Sendable {
  package enum Kind: Hashable, Sendable {
    case convolution
    /// One kernel for each channel.
    case depthwise
    /// A fully connected layer on vectors, for all images of a batch at once.
    case linear
  }

  package var kind: Kind
  package var geometry: ConvolutionGeometry
  package var nonlinearity: Nonlinearity

  package init(kind: Kind, geometry: ConvolutionGeometry, nonlinearity: Nonlinearity) {
    self.kind = kind
    self.geometry = geometry
    self.nonlinearity = nonlinearity
  }

  /// Multiply-accumulates for one image.
  var macs: Int {
    let depth = kind == .depthwise ? geometry.kernel * geometry.kernel : geometry.depth
    return geometry.outputPositions * geometry.outputChannels * depth
  }
}

/// The kernels' closed set of activations.
package typealias Nonlinearity = Kernels.Nonlinearity

/// The sizes of one convolution for one image.
package struct ConvolutionGeometry: Hashable, Sendable {
  package var inputHeight: Int
  package var inputWidth: Int
  package var inputChannels: Int
  /// Floats between neighbouring input positions.
  package var inputStride: Int
  package var outputHeight: Int
  package var outputWidth: Int
  package var outputChannels: Int
  package var kernel: Int
  package var stride: Int
  package var paddingTop: Int
  package var paddingLeft: Int

  package init(
    inputHeight: Int, inputWidth: Int, inputChannels: Int, inputStride: Int, outputHeight: Int,
    outputWidth: Int, outputChannels: Int, kernel: Int, stride: Int, paddingTop: Int,
    paddingLeft: Int
  ) {
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.inputStride = inputStride
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
  }

  /// Floats between neighbouring output positions.
  package var outputStride: Int { channelStride(outputChannels) }
  /// Output positions.
  package var outputPositions: Int { outputHeight * outputWidth }
  /// Floats of one input image.
  package var inputCount: Int { inputHeight * inputWidth * inputStride }
  /// Floats of one output image.
  package var outputCount: Int { outputPositions * outputStride }
  /// Values under the kernel: K of the matrix product.
  package var depth: Int { kernel * kernel * inputChannels }
  /// Whether the product can read the feature map in place.
  package var isPointwise: Bool { kernel == 1 && stride == 1 }

  /// Output columns with the whole kernel inside the image.
  var innerColumns: Range<Int> {
    let first = min((paddingLeft + stride - 1) / stride, outputWidth)
    let reach = inputWidth - kernel + paddingLeft
    return first..<max(first, reach < 0 ? 0 : min(reach / stride + 1, outputWidth))
  }

  /// Kernel rows inside the image for one output row.
  func kernelRows(for row: Int) -> Range<Int> {
    let top = row * stride - paddingTop
    let lowest = max(0, -top)
    return lowest..<max(lowest, min(kernel, inputHeight - top))
  }

  /// Output rows for which a row of the kernel lies inside the image.
  func outputRows(under kernelRow: Int) -> Range<Int> {
    outputs(outputHeight, padding: paddingTop, tap: kernelRow, input: inputHeight)
  }

  /// Output columns for which a column of the kernel lies inside the image.
  func outputColumns(under tap: Int) -> Range<Int> {
    outputs(outputWidth, padding: paddingLeft, tap: tap, input: inputWidth)
  }

  private func outputs(_ count: Int, padding: Int, tap: Int, input: Int) -> Range<Int> {
    let first = min(count, max(0, padding - tap + stride - 1) / stride)
    let reach = input - 1 + padding - tap
    return first..<max(first, reach < 0 ? 0 : min(count, reach / stride + 1))
  }
}

/// A layer's weights with batch norm folded in, still in the file's order, ready to be packed.
package struct ConvolutionFilter {
  /// `[out, in / groups, kernel, kernel]`, PyTorch's order; `[in, out]` if `isTransposed`.
  package var weights: UnsafeBufferPointer<Float>
  /// Batch norm's factor on each output channel.
  package var scale: [Double]
  /// Added to each output channel, batch norm folded in.
  package var bias: [Double]
  /// Whether a kernel of one weight has its inputs first, as for the gradient of the input.
  private let isTransposed: Bool

  package init(weights: UnsafeBufferPointer<Float>, scale: [Double], bias: [Double]) {
    (self.weights, self.scale, self.bias, isTransposed) = (weights, scale, bias, false)
  }

  /// The transpose of a layer with a kernel of one weight, without batch norm.
  init(transposed weights: UnsafeBufferPointer<Float>, outputs: Int) {
    self.weights = weights
    scale = [Double](repeating: 1, count: outputs)
    bias = [Double](repeating: 0, count: outputs)
    isTransposed = true
  }

  /// Writes the bias as floats; the padding up to the channel stride stays zero.
  func packBias(into packed: UnsafeMutablePointer<Float>) {
    for (channel, value) in bias.enumerated() { packed[channel] = Float(value) }
  }

  /// Packs the weights of some output channels as a matrix.
  ///
  /// It has `kernel² · inputStride` rows, ordered (row, column, input channel) as im2col gathers
  /// them, and a column for each output channel. Weights are scaled in Double to avoid rounding
  /// twice.
  ///
  /// - Parameters:
  ///   - inputStride: rows for each position under the kernel, `inputChannels` or more.
  ///   - target: the first row, at the first of `outputs`.
  ///   - width: floats between rows.
  func pack(
    _ outputs: Range<Int>, inputChannels: Int, inputStride: Int, kernel: Int,
    into target: UnsafeMutablePointer<Float>, width: Int
  ) {
    guard let weights = weights.baseAddress else { return }
    if isTransposed {
      precondition(kernel == 1)
      for channel in 0..<inputChannels {
        (target + channel * width).update(
          from: weights + channel * scale.count + outputs.lowerBound, count: outputs.count)
      }
      return
    }
    let taps = kernel * kernel
    let depth = inputChannels * taps
    let isScaled = scale[outputs].contains { $0 != 1 }
    var first = outputs.lowerBound
    // Processing eight columns at a time reads eight sequential streams and writes half cache
    // lines.
    while first + 8 <= outputs.upperBound {
      var factors = SIMD8<Double>()
      for lane in 0..<8 { factors[lane] = scale[first + lane] }
      var done = 0
      if taps == 1 && !isScaled {
        done = inputChannels & ~3
        for half in [0, 4] {
          transpose(
            weights + (first + half) * depth, columns: done, stride: depth,
            into: target + first + half - outputs.lowerBound, width: width)
        }
      }
      for tap in 0..<taps {
        var source = weights + first * depth + done + tap
        var row = target + (tap * inputStride + done) * width + first - outputs.lowerBound
        for _ in done..<inputChannels {
          if isScaled {
            for lane in 0..<8 { row[lane] = Float(Double(source[lane &* depth]) * factors[lane]) }
          } else {
            for lane in 0..<8 { row[lane] = source[lane &* depth] }
          }
          source += taps
          row += width
        }
      }
      first += 8
    }
    for output in first..<max(first, outputs.upperBound) {
      let factor = scale[output]
      for tap in 0..<taps {
        let source = weights + output * depth + tap
        let column = target + tap * inputStride * width + output - outputs.lowerBound
        for channel in 0..<inputChannels {
          column[channel * width] = Float(Double(source[channel * taps]) * factor)
        }
      }
    }
  }
}

/// Writes four rows as columns, four values at a time.
///
/// - Parameters:
///   - columns: A multiple of 4.
///   - stride: Floats between rows of the source.
///   - width: Floats between rows of the target.
private func transpose(
  _ source: UnsafePointer<Float>, columns: Int, stride: Int,
  into target: UnsafeMutablePointer<Float>, width: Int
) {
  func load(_ row: Int, _ column: Int) -> SIMD4<Float> {
    UnsafeRawPointer(source + row * stride + column).loadUnaligned(as: SIMD4<Float>.self)
  }
  func store(_ values: SIMD4<Float>, _ row: Int) {
    UnsafeMutableRawPointer(target + row * width).storeBytes(of: values, as: SIMD4<Float>.self)
  }
  for column in Swift.stride(from: 0, to: columns, by: 4) {
    let upper = SIMD8(lowHalf: load(0, column), highHalf: load(1, column))
    let lower = SIMD8(lowHalf: load(2, column), highHalf: load(3, column))
    let even = SIMD8(lowHalf: upper.evenHalf, highHalf: lower.evenHalf)
    let odd = SIMD8(lowHalf: upper.oddHalf, highHalf: lower.oddHalf)
    store(even.evenHalf, column)
    store(odd.evenHalf, column + 1)
    store(even.oddHalf, column + 2)
    store(odd.oddHalf, column + 3)
  }
}
