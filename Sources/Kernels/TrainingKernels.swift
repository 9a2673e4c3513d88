// Public only to be filled by the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The kernels of one instruction set that only training needs.
public struct TrainingKernels: Sendable {
  // Convolutions.

  /// A product with the first matrix transposed.
  public let weightGradient: @Sendable (WeightGradientBlock) -> Void
  /// The same in bf16: emulated, unless the processor has instructions for it.
  public var bf16WeightGradient: WeightGradientKernel
  /// Winograd's transform of a tile of the output's gradient.
  public let winogradGradient: @Sendable (WinogradInput) -> Void
  /// Winograd's transform of the filter's gradient.
  public let winogradFilterGradient: @Sendable (WinogradInput) -> Void
  /// The gradient of a depthwise kernel.
  public let depthwiseGradient: @Sendable (DepthwiseGradient) -> Void

  // Batch norm and other operations per channel.

  /// Keeps a map, with its mean.
  public let keep: @Sendable (KeptSum) -> Void
  /// Sums of squared differences from the mean.
  public let squares: @Sendable (ChannelSquares) -> Void
  /// Sums of products.
  public let products: @Sendable (ChannelProducts) -> Void
  /// A factor and an offset for each channel.
  public let scale: @Sendable (ChannelScale) -> Void
  /// Batch norm, activation and residual.
  public let normalize: @Sendable (Normalize) -> Void
  /// The activation's gradient with the sums for batch norm's.
  public let normalizeGradient: @Sendable (NormalizeGradient) -> Void
  /// Batch norm's gradient.
  public let combine: @Sendable (LinearCombination) -> Void

  // Optimisers.

  /// Stochastic gradient descent with momentum.
  public let sgd: @Sendable (SGDUpdate) -> Void
  /// RMSProp with TensorFlow's semantics.
  public let rmsProp: @Sendable (RMSPropUpdate) -> Void
  /// Adam with decoupled weight decay.
  public let adamW: @Sendable (AdamWUpdate) -> Void
  /// A moving average without an optimiser.
  public let average: @Sendable (AverageUpdate) -> Void

  public init(
    weightGradient: @escaping @Sendable (WeightGradientBlock) -> Void,
    bf16WeightGradient: WeightGradientKernel,
    winogradGradient: @escaping @Sendable (WinogradInput) -> Void,
    winogradFilterGradient: @escaping @Sendable (WinogradInput) -> Void,
    depthwiseGradient: @escaping @Sendable (DepthwiseGradient) -> Void,
    keep: @escaping @Sendable (KeptSum) -> Void,
    squares: @escaping @Sendable (ChannelSquares) -> Void,
    products: @escaping @Sendable (ChannelProducts) -> Void,
    scale: @escaping @Sendable (ChannelScale) -> Void,
    normalize: @escaping @Sendable (Normalize) -> Void,
    normalizeGradient: @escaping @Sendable (NormalizeGradient) -> Void,
    combine: @escaping @Sendable (LinearCombination) -> Void,
    sgd: @escaping @Sendable (SGDUpdate) -> Void,
    rmsProp: @escaping @Sendable (RMSPropUpdate) -> Void,
    adamW: @escaping @Sendable (AdamWUpdate) -> Void,
    average: @escaping @Sendable (AverageUpdate) -> Void
  ) {
    self.weightGradient = weightGradient
    self.bf16WeightGradient = bf16WeightGradient
    self.winogradGradient = winogradGradient
    self.winogradFilterGradient = winogradFilterGradient
    self.depthwiseGradient = depthwiseGradient
    self.keep = keep
    self.squares = squares
    self.products = products
    self.scale = scale
    self.normalize = normalize
    self.normalizeGradient = normalizeGradient
    self.combine = combine
    self.sgd = sgd
    self.rmsProp = rmsProp
    self.adamW = adamW
    self.average = average
  }
}
