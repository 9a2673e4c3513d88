/// How zeros surround a feature map before a convolution.
///
/// It is a fact of the weights, not of the architecture: weights trained under one rule lose many
/// points of accuracy under the other.
public enum Padding: String, Hashable, Sendable, CaseIterable {
  /// (kernel − 1) / 2 zeros on every side: PyTorch's habit, torchvision's weights.
  case symmetric
  /// TensorFlow's SAME: output = ⌈input / stride⌉, the odd zero goes after. At stride 2 on an even
  /// size it is asymmetric.
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
