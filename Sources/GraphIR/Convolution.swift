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
