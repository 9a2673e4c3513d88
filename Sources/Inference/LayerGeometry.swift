import GraphIR
import Operators

extension ConvolutionLayer {
  /// The layer of a graph's convolution or linear node; `nil` for a grouped convolution that is not
  /// depthwise.
  ///
  /// - Parameters:
  ///   - input: The shape of the node's input.
  ///   - inputStride: Floats between neighbouring positions of the input.
  package init?(of node: Node, input: TensorShape, inputStride: Int, nonlinearity: Nonlinearity) {
    guard case .convolution(let convolution) = node.operation else {
      self.init(
        kind: .linear,
        geometry: ConvolutionGeometry(
          inputHeight: 1, inputWidth: 1, inputChannels: input.channels, inputStride: inputStride,
          outputHeight: 1, outputWidth: 1, outputChannels: node.shape.channels, kernel: 1,
          stride: 1, paddingTop: 0, paddingLeft: 0), nonlinearity: nonlinearity)
      return
    }
    let isDepthwise = convolution.groups > 1
    guard
      !isDepthwise
        || (convolution.groups == input.channels && node.shape.channels == input.channels)
    else { return nil }
    func before(_ size: Int) -> Int {
      convolution.padding.extent(
        input: size, kernel: convolution.kernel, stride: convolution.stride
      ).before
    }
    self.init(
      kind: isDepthwise ? .depthwise : .convolution,
      geometry: ConvolutionGeometry(
        inputHeight: input.height, inputWidth: input.width, inputChannels: input.channels,
        inputStride: inputStride, outputHeight: node.shape.height, outputWidth: node.shape.width,
        outputChannels: node.shape.channels, kernel: convolution.kernel,
        stride: convolution.stride, paddingTop: before(input.height),
        paddingLeft: before(input.width)), nonlinearity: nonlinearity)
  }
}

extension Nonlinearity {
  /// The kernels' counterpart of a graph's activation.
  package init(_ activation: Activation?) {
    self =
      switch activation {
      case nil: .identity
      case .relu: .relu
      case .relu6: .relu6
      case .hardSwish: .hardSwish
      case .hardSigmoid: .hardSigmoid
      case .silu: .silu
      case .sigmoid: .sigmoid
      }
  }
}
