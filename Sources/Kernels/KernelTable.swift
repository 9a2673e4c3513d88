// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

/// A GEMM micro-kernel, with the properties that packing and planning depend on.
public struct GEMMKernel: Sendable {
  /// Rows of the widest register tile.
  public let mr: Int
  /// Columns of the widest register tile, a multiple of 8.
  ///
  /// B is packed in blocks of at most this many columns, each a multiple of 8.
  public let nr: Int
  /// Computes one block.
  public let run: @Sendable (GEMMBlock) -> Void

  public init(mr: Int, nr: Int, run: @escaping @Sendable (GEMMBlock) -> Void) {
    self.mr = mr
    self.nr = nr
    self.run = run
  }

  /// Element type and widest register tile, such as `f32 8×48`.
  public var name: String { "f32 \(mr)×\(nr)" }
}

/// The kernels of one instruction set, as plain functions on raw memory.
public struct KernelTable: Sendable {
  /// `avx512`, `avx2` or `baseline`.
  public let name: String
  /// Floats in a vector.
  public let lanes: Int
  /// The packed matrix product in f32.
  public let gemm: GEMMKernel
  /// Bias, nonlinearity and residual in place.
  public let epilogue: @Sendable (Epilogue) -> Void
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
  /// Measures the processor's peak arithmetic.
  public let registerLoop: @Sendable (RegisterLoop) -> Void
  /// Measures its peak read bandwidth.
  public let streamLoop: @Sendable (StreamLoop) -> Void

  public init(
    name: String, lanes: Int, gemm: GEMMKernel,
    epilogue: @escaping @Sendable (Epilogue) -> Void,
    scale: @escaping @Sendable (ChannelScale) -> Void,
    sum: @escaping @Sendable (ChannelSum) -> Void,
    depthwise: @escaping @Sendable (DepthwiseRow) -> Void,
    winogradInput: @escaping @Sendable (WinogradInput) -> Void,
    winogradOutput: @escaping @Sendable (WinogradOutput) -> Void,
    registerLoop: @escaping @Sendable (RegisterLoop) -> Void,
    streamLoop: @escaping @Sendable (StreamLoop) -> Void
  ) {
    self.name = name
    self.lanes = lanes
    self.gemm = gemm
    self.epilogue = epilogue
    self.scale = scale
    self.sum = sum
    self.depthwise = depthwise
    self.winogradInput = winogradInput
    self.winogradOutput = winogradOutput
    self.registerLoop = registerLoop
    self.streamLoop = streamLoop
  }
}
