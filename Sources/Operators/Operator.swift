import Kernels

/// A way to compute one step of a network, planned from shapes alone.
///
/// An operator is a value that describes how the work is divided into tasks, how much scratch
/// memory a worker needs, and the layout of the packed weights. It owns no memory. `pack` fills
/// memory with that layout and can be repeated, for example after an optimiser step; `run` reads
/// it.
package protocol Operator: Sendable {
  /// Floats of packed weights and biases.
  var packedCount: Int { get }
  /// Floats of scratch memory for each worker.
  var scratchCount: Int { get }
  /// Multiply-adds for one image, if the algorithm needs fewer than the layer's definition.
  var multiplyAdds: Int? { get }
  /// Whether it takes all images of a batch together, to read its weights only once.
  ///
  /// Other operators may be given one image at a time.
  var takesBatch: Bool { get }
  /// The number of vectors of per-channel output sums that it writes for each image; may be 0.
  var partialSums: Int { get }

  /// Packs the weights of one of its layers.
  ///
  /// - Parameters:
  ///   - layer: 0, or 1 for the second layer of a fused operator.
  ///   - packed: `packedCount` floats, zeroed before the first call if `packingLeavesGaps`. Layers write to
  ///     disjoint parts, so that they can be packed at the same time.
  func pack(_ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>)
  /// Whether `pack` skips words that must be zero.
  var packingLeavesGaps: Bool { get }
  /// The number of tasks for a batch.
  ///
  /// They may run in any order and on any thread; the results are bit-identical.
  func taskCount(batch: Int) -> Int
  /// Runs one task.
  func run(task: Int, batch: Int, _ memory: OperatorMemory)
}

extension Operator {
  package var packedCount: Int { 0 }
  package var scratchCount: Int { 0 }
  package var multiplyAdds: Int? { nil }
  package var takesBatch: Bool { false }
  package var partialSums: Int { 0 }
  package var packingLeavesGaps: Bool { true }
  package func pack(
    _ filter: ConvolutionFilter, layer: Int, into packed: UnsafeMutablePointer<Float>
  ) {}
}

/// The memory that one run of an operator reads and writes.
///
/// A value holds the images of a batch one after another; a position of a feature map takes
/// `channelStride` floats, the channels rounded up to a multiple of 8.
package struct OperatorMemory {
  package var input: UnsafePointer<Float>
  package var output: UnsafeMutablePointer<Float>
  /// Added to the output; has the same layout.
  package var residual: UnsafePointer<Float>?
  /// Factors on the input's channels, one vector for each image.
  package var gate: UnsafePointer<Float>?
  /// Receives sums over the output's positions, `partialSums` vectors for each image.
  package var sums: UnsafeMutablePointer<Float>?
  /// The memory that `pack` filled.
  package var packed: UnsafePointer<Float>
  /// `scratchCount` floats that no other worker uses.
  package var scratch: UnsafeMutablePointer<Float>

  package init(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    residual: UnsafePointer<Float>? = nil, gate: UnsafePointer<Float>? = nil,
    sums: UnsafeMutablePointer<Float>? = nil, packed: UnsafePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    self.input = input
    self.output = output
    self.residual = residual
    self.gate = gate
    self.sums = sums
    self.packed = packed
    self.scratch = scratch
  }
}

/// The provider of matrix products, the kernels of one instruction set, and the precision.
package struct ComputeTarget: Sendable {
  /// The provider of matrix products.
  package enum GEMMProvider: Sendable {
    /// This package's kernels.
    case kernels
    case openBLAS(OpenBLAS)
  }

  package let gemm: GEMMProvider
  package let kernels: KernelTable
  /// The precision of products by our kernels where it pays; f32 elsewhere.
  package let precision: Precision

  package init(gemm: GEMMProvider, kernels: KernelTable, precision: Precision = .f32) {
    self.gemm = gemm
    self.kernels = kernels
    self.precision = precision
  }
}

/// The kernels of one instruction set.
package typealias KernelTable = Kernels.KernelTable

/// The number of floats for a position with `channels`: the next multiple of 8, so that vector
/// loops over channels need no scalar tail.
package func channelStride(_ channels: Int) -> Int { (channels + 7) & ~7 }

/// Part `index` of `total` cut into `parts` as evenly as possible.
func evenRange(_ index: Int, of parts: Int, total: Int) -> Range<Int> {
  total * index / parts..<total * (index + 1) / parts
}
