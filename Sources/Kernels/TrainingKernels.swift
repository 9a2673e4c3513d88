// Public only to be filled by the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The kernels of one instruction set that only training needs.
public struct TrainingKernels: Sendable {
  // Convolutions.

  /// A product with the first matrix transposed.
  public let weightGradient: @Sendable (WeightGradientBlock) -> Void
  /// The gradient of a depthwise kernel.
  public let depthwiseGradient: @Sendable (DepthwiseGradient) -> Void

  public init(
    weightGradient: @escaping @Sendable (WeightGradientBlock) -> Void,
    depthwiseGradient: @escaping @Sendable (DepthwiseGradient) -> Void
  ) {
    self.weightGradient = weightGradient
    self.depthwiseGradient = depthwiseGradient
  }
}
