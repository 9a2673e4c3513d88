/// How much a weight file may ask of its reader.
///
/// The defaults are far above any real network and low enough that a hostile file can neither
/// exhaust memory nor keep the reader busy.
public struct WeightLimits: Sendable, Equatable {
  /// Bytes of a safetensors header.
  public var headerBytes = 16 << 20

  /// Tensors in one file.
  public var tensors = 100_000

  /// Dimensions of one tensor.
  public var rank = 8

  /// Files inside a PyTorch zip archive.
  public var archiveEntries = 10_000

  /// Bytes of the pickle inside a PyTorch file.
  public var pickleBytes = 8 << 20

  /// Values on the pickle machine's stack.
  public var pickleStack = 100_000

  /// Values in the pickle machine's memo.
  public var pickleMemo = 1_000_000

  /// Collections a pickle may make, and elements it may put into them, together.
  public var pickleObjects = 2_000_000

  /// Collections of a pickle that may be open inside each other.
  public var pickleDepth = 256

  /// The default limits.
  public init() {}
}
