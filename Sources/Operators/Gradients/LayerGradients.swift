import Kernels

extension ConvolutionLayer {
  /// The operator for the gradient with respect to this layer's weights.
  package func weightGradient(on target: ComputeTarget) -> any WeightGradient {
    let kernels = target.kernels
    if kind == .depthwise { return DepthwiseWeightGradient(self, kernels: kernels) }
    if target.precision == .bf16, let rounded = BF16WeightGradient(self, kernels: kernels) {
      return rounded
    }
    return WinogradWeightGradient(self, kernels: kernels)
      ?? ConvolutionWeightGradient(self, kernels: kernels)
  }

  /// The operator for the gradient with respect to this layer's input.
  ///
  /// The input's positions must be padded to a multiple of 8 channels. The operator writes zeros to
  /// padding channels, which OpenBLAS would leave alone, so products are always ours.
  package func inputGradient(on target: ComputeTarget) -> any InputGradient {
    let target = ComputeTarget(
      gemm: .kernels, kernels: target.kernels, precision: target.precision)
    if geometry.stride == 1 { return TransposedConvolution(self, on: target) }
    return switch kind {
    case .depthwise: ScatteredDepthwise(self, kernels: target.kernels)
    case .convolution, .linear: ScatteredConvolution(self, on: target)
    }
  }
}
