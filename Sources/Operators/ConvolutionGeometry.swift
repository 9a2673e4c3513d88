/// The sizes of one convolution for one image.
package struct ConvolutionGeometry: Hashable, Sendable {
  package var inputHeight: Int
  package var inputWidth: Int
  package var inputChannels: Int
  /// Floats between neighbouring input positions.
  package var inputStep: Int
  package var outputHeight: Int
  package var outputWidth: Int
  package var outputChannels: Int
  package var kernel: Int
  package var stride: Int
  package var paddingTop: Int
  package var paddingLeft: Int

  package init(
    inputHeight: Int, inputWidth: Int, inputChannels: Int, inputStep: Int, outputHeight: Int,
    outputWidth: Int, outputChannels: Int, kernel: Int, stride: Int, paddingTop: Int,
    paddingLeft: Int
  ) {
    self.inputHeight = inputHeight
    self.inputWidth = inputWidth
    self.inputChannels = inputChannels
    self.inputStep = inputStep
    self.outputHeight = outputHeight
    self.outputWidth = outputWidth
    self.outputChannels = outputChannels
    self.kernel = kernel
    self.stride = stride
    self.paddingTop = paddingTop
    self.paddingLeft = paddingLeft
  }

  /// Floats between neighbouring output positions.
  package var outputStep: Int { channelStep(outputChannels) }
  /// Output positions.
  package var outputPositions: Int { outputHeight * outputWidth }
  /// Floats of one input image.
  package var inputCount: Int { inputHeight * inputWidth * inputStep }
  /// Floats of one output image.
  package var outputCount: Int { outputPositions * outputStep }
  /// Values under the kernel: the inner dimension of the matrix product.
  package var depth: Int { kernel * kernel * inputChannels }
  /// Whether the product can read the feature map in place.
  package var isPointwise: Bool { kernel == 1 && stride == 1 }
}
