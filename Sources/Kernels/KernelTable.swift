// Public only to be inlined into the instruction sets' targets; no part of the library's interface.
// swift-format-ignore-file: AllPublicDeclarationsHaveDocumentation

import CLanes

/// A GEMM micro-kernel, with the properties that packing and planning depend on.
public struct GEMMKernel: Sendable {
  /// The format of A and B: `f32`, `bf16`, `int16` or `int8`.
  public let elementType: String
  /// Elements in a 32-bit word, the kernel's unit along K.
  public let elementsPerWord: Int
  /// Whether it emulates the instructions for this format, which is no faster than f32.
  public let isEmulated: Bool
  /// Rows of the widest register tile.
  public let mr: Int
  /// Columns of the widest register tile, a multiple of 8.
  ///
  /// B is packed in blocks of at most this many columns, each a multiple of 8.
  public let nr: Int
  /// Words of a row of A must be a multiple of this; B and A are padded with zeros up to it.
  public let depthUnit: Int
  /// Parts that each row of A and column of B is split into: two, high and low, or just one.
  public let terms: Int
  /// Converts rows of A.
  public let convert: @Sendable (Panel) -> Void
  /// Computes one block.
  public let run: @Sendable (GEMMBlock) -> Void

  public init(
    elementType: String, elementsPerWord: Int, isEmulated: Bool = false, mr: Int, nr: Int,
    depthUnit: Int = 1, terms: Int = 1,
    convert: @escaping @Sendable (Panel) -> Void, run: @escaping @Sendable (GEMMBlock) -> Void
  ) {
    self.elementType = elementType
    self.elementsPerWord = elementsPerWord
    self.isEmulated = isEmulated
    self.mr = mr
    self.nr = nr
    self.depthUnit = depthUnit
    self.terms = terms
    self.convert = convert
    self.run = run
  }

  /// Whether it multiplies tiles of memory instead of vectors.
  public var isTiled: Bool { depthUnit > 1 }

  /// Element type and widest register tile, such as `f32 8×48`.
  public var name: String { "\(elementType) \(mr)×\(nr)" }
}

/// Whether the target that this is inlined into has instructions for bf16 products.
@inlinable @inline(__always)
public var hasBF16Instructions: Bool { clanes_has_bf16() != 0 }

/// Whether the target that this is inlined into has instructions for products of 8-bit integers.
@inlinable @inline(__always)
public var hasInt8Instructions: Bool { clanes_has_vnni() != 0 }

/// The kernels of one instruction set, as plain functions on raw memory.
public struct KernelTable: Sendable {
  /// `avx512`, `avx2` or `baseline`.
  public let name: String
  /// Floats in a vector.
  public let lanes: Int
  /// The packed matrix product in f32.
  public let gemm: GEMMKernel
  /// The same in bf16: emulated, unless the processor has instructions for it.
  public var bf16: GEMMKernel
  /// The same in int8: emulated, unless the processor has instructions for it.
  public var int8: GEMMKernel
  /// The same with operands split into two bf16; only where that is faster than f32.
  public var bf16x3: GEMMKernel?
  /// The same with operands quantized to 16 bits; only where that is faster than f32.
  public var int16: GEMMKernel?
  /// Bias, nonlinearity and residual in place.
  public let epilogue: @Sendable (Epilogue) -> Void
  /// Sums over positions.
  public let sum: @Sendable (ChannelSum) -> Void
  /// A row of a depthwise convolution.
  public let depthwise: @Sendable (DepthwiseRow) -> Void
  /// Winograd's transform of an input tile.
  public let winogradInput: @Sendable (WinogradInput) -> Void
  /// Winograd's transform to an output tile.
  public let winogradOutput: @Sendable (WinogradOutput) -> Void
  /// The resampling of images.
  public var resampling: ResamplingKernel
  /// The kernels for training.
  public var training: TrainingKernels
  /// Measures the processor's peak arithmetic.
  public let registerLoop: @Sendable (RegisterLoop) -> Void
  /// Measures its peak read bandwidth.
  public let streamLoop: @Sendable (StreamLoop) -> Void

  @inlinable
  public init(
    name: String, lanes: Int, gemm: GEMMKernel, bf16: GEMMKernel, int8: GEMMKernel,
    epilogue: @escaping @Sendable (Epilogue) -> Void,
    sum: @escaping @Sendable (ChannelSum) -> Void,
    depthwise: @escaping @Sendable (DepthwiseRow) -> Void,
    winogradInput: @escaping @Sendable (WinogradInput) -> Void,
    winogradOutput: @escaping @Sendable (WinogradOutput) -> Void,
    resampling: ResamplingKernel, training: TrainingKernels,
    registerLoop: @escaping @Sendable (RegisterLoop) -> Void,
    streamLoop: @escaping @Sendable (StreamLoop) -> Void
  ) {
    self.name = name
    self.lanes = lanes
    self.gemm = gemm
    self.bf16 = bf16
    self.int8 = int8
    self.epilogue = epilogue
    self.sum = sum
    self.depthwise = depthwise
    self.winogradInput = winogradInput
    self.winogradOutput = winogradOutput
    self.resampling = resampling
    self.training = training
    self.registerLoop = registerLoop
    self.streamLoop = streamLoop
  }
}
