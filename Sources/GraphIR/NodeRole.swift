/// The role of a node in its network: the layer it belongs to, regardless of the operation.
///
/// A convolution, the batch norm after it and its activation share one role.
public enum NodeRole: String, Hashable, Sendable, CaseIterable {
  case input
  /// The first convolution.
  case stem
  /// A block's first convolution, to more channels: 1×1 in MBConv, k×k in Fused-MBConv.
  case expand
  /// A block's depthwise convolution.
  case depthwise
  /// The scores of positions by which global-context attention weights its mean.
  case attention
  /// Squeeze-excite's mean over all positions.
  case squeeze
  /// Squeeze-excite's layer to fewer channels.
  case reduce
  /// Squeeze-excite's layer back to all channels.
  case excite
  /// Squeeze-excite's product of the feature map and the gate.
  case gate
  /// A block's last convolution, to the block's output channels; the only one without expansion.
  case project
  /// A block's residual connection, with the preceding stochastic depth.
  case residual
  /// The last convolution over positions.
  case head
  /// The mean of the last feature map.
  case pool
  /// MobileNetV3's linear layer between the pool and the classifier.
  case hidden
  /// The linear layer that outputs the logits, with the preceding dropout.
  case classifier
}

/// The inverted bottleneck that a node is part of.
public struct Block: Hashable, Sendable {
  /// The convolutions of a block, not counting squeeze-excite.
  public enum Kind: Hashable, Sendable {
    /// One k×k convolution: Fused-MBConv without expansion.
    case single
    /// k×k, then 1×1: Fused-MBConv (EfficientNetV2, arXiv 2104.00298, section 3.2).
    case fused
    /// Depthwise, then 1×1: MBConv without expansion.
    case separable
    /// 1×1, depthwise, 1×1: MBConv (MobileNetV2, arXiv 1801.04381).
    case inverted
  }

  /// Which convolutions it has.
  public let kind: Kind
  /// The stage, counted from 0.
  public let stage: Int
  /// The block's position in its stage, counted from 0.
  public let index: Int
  /// The block's position in the network, counted from 0.
  public let number: Int

  /// The block at `index` of `stage`, the network's block `number`.
  public init(kind: Kind, stage: Int, index: Int, number: Int) {
    self.kind = kind
    self.stage = stage
    self.index = index
    self.number = number
  }
}
