import Host
import Operators
import Testing

/// A layer and a batch whose gradients are tested.
struct GradientCase: Sendable, CustomTestStringConvertible {
  enum Padding: Sendable { case none, symmetric, same }

  var kind = ConvolutionLayer.Kind.convolution
  var height = 1
  var width = 1
  var input: Int
  var output: Int
  var kernel = 1
  var stride = 1
  var padding = Padding.symmetric
  var inputStride: Int?
  var batch = 2

  static func depthwise(
    _ height: Int, _ width: Int, _ channels: Int, kernel: Int, stride: Int = 1,
    padding: Padding = .symmetric, batch: Int = 2
  ) -> GradientCase {
    GradientCase(
      kind: .depthwise, height: height, width: width, input: channels, output: channels,
      kernel: kernel, stride: stride, padding: padding, batch: batch)
  }

  static let convolutions: [GradientCase] = [
    GradientCase(input: 8, output: 8, batch: 1),
    GradientCase(height: 7, width: 5, input: 24, output: 40, batch: 3),
    GradientCase(height: 7, width: 5, input: 12, output: 20),
    // Sums by input, with padding channels.
    GradientCase(height: 9, width: 8, input: 12, output: 20),
    // Several panels and chunks.
    GradientCase(height: 30, width: 17, input: 16, output: 88, batch: 5),
    // Several tasks a chunk.
    GradientCase(height: 4, width: 4, input: 416, output: 136),
    GradientCase(height: 9, width: 9, input: 20, output: 12, stride: 2),
    GradientCase(height: 9, width: 11, input: 16, output: 24, kernel: 3),
    GradientCase(height: 12, width: 20, input: 12, output: 20, kernel: 3, padding: .same),
    GradientCase(height: 10, width: 9, input: 16, output: 16, kernel: 3, padding: .none, batch: 1),
    // Several strips in an image.
    GradientCase(height: 40, width: 36, input: 8, output: 16, kernel: 3),
    GradientCase(height: 15, width: 17, input: 10, output: 12, kernel: 3, stride: 2),
    GradientCase(
      height: 16, width: 10, input: 24, output: 16, kernel: 3, stride: 2, padding: .same),
    GradientCase(height: 10, width: 11, input: 8, output: 9, kernel: 3, stride: 3, padding: .same),
    GradientCase(height: 6, width: 7, input: 8, output: 12, kernel: 5, padding: .same),
    GradientCase(height: 3, width: 2, input: 9, output: 8, kernel: 5, stride: 2, batch: 4),
    GradientCase(height: 2, width: 3, input: 8, output: 8, kernel: 7, padding: .same),
    GradientCase(height: 13, width: 11, input: 8, output: 8, kernel: 7, stride: 3, batch: 5),
    GradientCase(kind: .linear, input: 20, output: 1003, batch: 5),
    GradientCase(kind: .linear, input: 1280, output: 10, batch: 3),
    GradientCase(kind: .linear, input: 40, output: 16, batch: 1),
  ]

  /// Layers wide enough for bf16: an odd number of positions, several panels, parts and tiles, sums by
  /// output and by input, and padding channels.
  static let wide: [GradientCase] = [
    GradientCase(height: 7, width: 5, input: 40, output: 64, batch: 1),
    GradientCase(height: 20, width: 19, input: 32, output: 88, batch: 5),
    GradientCase(height: 23, width: 23, input: 88, output: 40),
    GradientCase(height: 4, width: 4, input: 416, output: 300),
    GradientCase(height: 3, width: 5, input: 60, output: 1001, batch: 3),
    GradientCase(kind: .linear, input: 128, output: 50, batch: 5),
  ]

  /// Layers that read the network's input, for their weights only.
  static let first: [GradientCase] = [
    GradientCase(
      height: 21, width: 14, input: 3, output: 12, kernel: 3, stride: 2, inputStride: 3, batch: 3),
    GradientCase(
      height: 24, width: 25, input: 3, output: 24, kernel: 3, stride: 2, padding: .same,
      inputStride: 3),
    GradientCase(height: 5, width: 6, input: 3, output: 8, inputStride: 3),
  ]

  static let depthwise: [GradientCase] = [
    .depthwise(1, 1, 8, kernel: 3, batch: 1),
    .depthwise(14, 14, 96, kernel: 5, batch: 1),
    .depthwise(33, 32, 40, kernel: 3, padding: .same, batch: 5),
    .depthwise(2, 3, 28, kernel: 3, batch: 18),
    .depthwise(15, 9, 20, kernel: 3, stride: 2),
    .depthwise(40, 37, 72, kernel: 3, stride: 2, padding: .same),
    .depthwise(16, 22, 136, kernel: 5, stride: 2, padding: .same),
    .depthwise(2, 3, 28, kernel: 5, stride: 2),
    .depthwise(9, 8, 12, kernel: 5, padding: .none),
    .depthwise(7, 6, 8, kernel: 7, batch: 4),
    .depthwise(13, 12, 16, kernel: 7, stride: 3),
    .depthwise(11, 10, 24, kernel: 3, stride: 3, padding: .same),
    .depthwise(6, 5, 8, kernel: 1),
    .depthwise(7, 8, 8, kernel: 1, stride: 2),
    .depthwise(1, 2, 8, kernel: 1, stride: 3),
  ]

  var groups: Int { kind == .depthwise ? input : 1 }

  var testDescription: String {
    "\(kind) \(batch)x\(height)x\(width)x\(input) → \(output), kernel \(kernel), stride \(stride),"
      + " padding \(padding)"
  }

  var layer: ConvolutionLayer {
    ConvolutionLayer(kind: kind, geometry: geometry, nonlinearity: .identity)
  }

  var geometry: ConvolutionGeometry {
    let (outputHeight, top) = outputs(height)
    let (outputWidth, left) = outputs(width)
    return ConvolutionGeometry(
      inputHeight: height, inputWidth: width, inputChannels: input,
      inputStride: inputStride ?? channelStride(input), outputHeight: outputHeight,
      outputWidth: outputWidth, outputChannels: output, kernel: kernel, stride: stride,
      paddingTop: top, paddingLeft: left)
  }

  /// Output positions along a side, and the zeros before it.
  private func outputs(_ size: Int) -> (count: Int, padding: Int) {
    switch padding {
    case .none: return ((size - kernel) / stride + 1, 0)
    case .symmetric: return ((size + kernel / 2 * 2 - kernel) / stride + 1, kernel / 2)
    case .same:
      let count = (size + stride - 1) / stride
      return (count, max(0, (count - 1) * stride + kernel - size) / 2)
    }
  }

  /// How far a gradient may be from what was expected, relative to its largest value.
  static let tolerance = 1.5e-5

  /// The first value of a gradient that is wrong.
  static func firstOutlier(_ found: [Float], _ expected: [Double]) -> String? {
    let largest = expected.map(abs).max() ?? 0
    let outlier = zip(found, expected).first {
      !(abs(Double($0) - $1) <= tolerance * max(largest, 1e-3))
    }
    if found.count != expected.count { return "\(found.count) values, not \(expected.count)" }
    return outlier.map { "\($0.0), expected \($0.1); largest \(largest)" }
  }
}

/// Values and expected gradients of a case.
struct GradientData {
  var images: [[Float]]
  var outputGradients: [[Float]]
  var filter: Filter
  var inputGradients: [[Double]]
  var weightGradient: [Double]

  /// - Parameter rounded: whether the gradients are those of values rounded to bf16.
  init(_ c: GradientCase, rounded: Bool = false) {
    func round(_ values: [Float]) -> [Float] {
      !rounded
        ? values
        : values.map {
          let bits = $0.bitPattern
          return Float(bitPattern: (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff_0000)
        }
    }
    let g = c.geometry
    let reference = GradientReference(geometry: g, groups: c.groups)
    var noise = Noise(c.height * c.width * c.input + c.output)
    images = (0..<c.batch).map { _ in round(noise.array(c.height * c.width * c.input)) }
    outputGradients = (0..<c.batch).map { _ in
      round(noise.array(g.outputPositions * c.output))
    }
    let depth = c.kernel * c.kernel * c.input / c.groups
    let weights = noise.array(c.output * depth)
    filter = Filter(
      weights: weights, scale: [Double](repeating: 1, count: c.output),
      bias: noise.array(c.output).map(Double.init))
    inputGradients = outputGradients.map { reference.input(weights: weights, outputGradient: $0) }
    weightGradient = [Double](repeating: 0, count: c.output * depth)
    for (image, gradient) in zip(images, outputGradients) {
      let part = reference.weights(input: image, outputGradient: gradient)
      for (index, value) in part.enumerated() { weightGradient[index] += value }
    }
  }

  func input(_ g: ConvolutionGeometry) -> AlignedBuffer {
    .positions(images, channels: g.inputChannels, stride: g.inputStride)
  }

  func outputGradient(_ g: ConvolutionGeometry) -> AlignedBuffer {
    .positions(outputGradients, channels: g.outputChannels, stride: g.outputStride)
  }
}
