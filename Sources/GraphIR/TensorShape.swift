/// The extent of one feature map: `height` × `width` positions of `channels` values.
///
/// The layout is NHWC everywhere in this package: the channels of one position are contiguous,
/// followed by positions along the width, then rows. The shape does not include the batch: a graph
/// describes one image, and for N images there are N of every value.
public struct TensorShape: Hashable, Sendable {
  /// Rows of the feature map.
  public let height: Int
  /// Positions in a row.
  public let width: Int
  /// Values at one position.
  public let channels: Int

  /// A map of `height` × `width` × `channels`.
  public init(height: Int, width: Int, channels: Int) {
    self.height = height
    self.width = width
    self.channels = channels
  }

  /// A vector: one position of `channels` values.
  public init(channels: Int) {
    self.init(height: 1, width: 1, channels: channels)
  }

  /// Spatial positions, `height` × `width`.
  public var positions: Int { height * width }

  /// Scalars in the map.
  public var count: Int { positions * channels }
}

extension TensorShape: CustomStringConvertible {
  /// `56x56x24`, or `1280` for a vector.
  public var description: String {
    positions == 1 ? "\(channels)" : "\(height)x\(width)x\(channels)"
  }
}
