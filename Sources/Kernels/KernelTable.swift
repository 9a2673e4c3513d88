// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// The kernels of one instruction set, as plain functions on raw memory.
public struct KernelTable: Sendable {
  /// `avx512`, `avx2` or `baseline`.
  public let name: String
  /// Widest column block of `multiply`, in columns: a multiple of 8.
  public let maximumColumns: Int
  /// The packed matrix product for one block of `width` columns, a multiple of 8.
  public let multiply: @Sendable (_ product: MatrixProduct, _ width: Int) -> Void
  /// The same with nothing added.
  public let multiplyPlain: @Sendable (_ product: PlainProduct, _ width: Int) -> Void
  /// Bias, nonlinearity and residual in place.
  public let finish: @Sendable (Epilogue) -> Void
  /// Squeeze-excite's gate.
  public let scale: @Sendable (ChannelScale) -> Void
  /// Sums over positions.
  public let sum: @Sendable (ChannelSum) -> Void
  /// A row of a depthwise convolution.
  public let depthwise: @Sendable (DepthwiseRow) -> Void
  /// Winograd's transform of an input tile.
  public let winogradInput: @Sendable (WinogradInput) -> Void
  /// Winograd's transform to an output tile.
  public let winogradOutput: @Sendable (WinogradOutput) -> Void
  /// Floats in a vector.
  public let lanes: Int
  /// What the processor computes at most.
  public let registerLoop: @Sendable (RegisterLoop) -> Void
  /// What it reads at most.
  public let streamLoop: @Sendable (StreamLoop) -> Void

  public init(
    name: String, maximumColumns: Int,
    multiply: @escaping @Sendable (_ product: MatrixProduct, _ width: Int) -> Void,
    multiplyPlain: @escaping @Sendable (_ product: PlainProduct, _ width: Int) -> Void,
    finish: @escaping @Sendable (Epilogue) -> Void,
    scale: @escaping @Sendable (ChannelScale) -> Void,
    sum: @escaping @Sendable (ChannelSum) -> Void,
    depthwise: @escaping @Sendable (DepthwiseRow) -> Void,
    winogradInput: @escaping @Sendable (WinogradInput) -> Void,
    winogradOutput: @escaping @Sendable (WinogradOutput) -> Void,
    lanes: Int, registerLoop: @escaping @Sendable (RegisterLoop) -> Void,
    streamLoop: @escaping @Sendable (StreamLoop) -> Void
  ) {
    self.name = name
    self.maximumColumns = maximumColumns
    self.multiply = multiply
    self.multiplyPlain = multiplyPlain
    self.finish = finish
    self.scale = scale
    self.sum = sum
    self.depthwise = depthwise
    self.winogradInput = winogradInput
    self.winogradOutput = winogradOutput
    self.lanes = lanes
    self.registerLoop = registerLoop
    self.streamLoop = streamLoop
  }
}
