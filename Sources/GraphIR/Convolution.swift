/// A two-dimensional convolution with a square kernel.
public struct Convolution: Hashable, Sendable {
  /// Side of the kernel in positions.
  public let kernel: Int
  /// Step between output positions.
  public let stride: Int
  /// Zeros around the input.
  public let padding: Padding
  /// 1 for a full convolution, the channel count for a depthwise one.
  public let groups: Int
  /// Whether a bias per output channel is added.
  public let hasBias: Bool

  /// A convolution of `groups` groups with a `kernel` × `kernel` kernel.
  public init(kernel: Int, stride: Int = 1, padding: Padding, groups: Int = 1, hasBias: Bool) {
    self.kernel = kernel
    self.stride = stride
    self.padding = padding
    self.groups = groups
    self.hasBias = hasBias
  }

  /// Shape of the output for `input`, with `channels` output channels.
  public func outputShape(of input: TensorShape, channels: Int) -> TensorShape {
    TensorShape(
      height: padding.extent(input: input.height, kernel: kernel, stride: stride).output,
      width: padding.extent(input: input.width, kernel: kernel, stride: stride).output,
      channels: channels)
  }
}

/// How a feature map is padded with zeros before a convolution.
///
/// The padding is a property of the weights, not of the architecture: weights trained with one rule
/// lose several points of accuracy with the other.
public enum Padding: String, Hashable, Sendable, CaseIterable {
  /// (kernel − 1) / 2 zeros on every side, as in PyTorch and torchvision's weights.
  case symmetric
  /// TensorFlow's SAME: output = ⌈input / stride⌉, with an odd zero at the end; asymmetric
  /// for stride 2 and even sizes.
  case same

  /// Output positions along one axis, and the zeros before its first input position.
  ///
  /// - Precondition: `input`, `kernel` and `stride` are at least 1.
  public func extent(input: Int, kernel: Int, stride: Int) -> (output: Int, before: Int) {
    switch self {
    case .symmetric:
      let before = (kernel - 1) / 2
      return ((input + 2 * before - kernel) / stride + 1, before)
    case .same:
      let output = (input + stride - 1) / stride
      let total = max((output - 1) * stride + kernel - input, 0)
      return (output, total / 2)
    }
  }
}
