/// The memory that one run of an operator reads and writes.
///
/// Every value of a batch is an array of images, one after another; a position of a feature map is
/// `ChannelStep` floats, channels rounded up to a multiple of 8.
package struct OperatorMemory {
  package var input: UnsafePointer<Float>
  package var output: UnsafeMutablePointer<Float>
  /// What is added to the output, shaped like it.
  package var residual: UnsafePointer<Float>?
  /// Factors on the input's channels, one vector per image.
  package var gate: UnsafePointer<Float>?
  /// Partial sums over the output's positions, `partialSums` vectors per image.
  package var sums: UnsafeMutablePointer<Float>?
  /// `scratchCount` floats of this worker's own.
  package var scratch: UnsafeMutablePointer<Float>

  package init(
    input: UnsafePointer<Float>, output: UnsafeMutablePointer<Float>,
    residual: UnsafePointer<Float>?, gate: UnsafePointer<Float>?,
    sums: UnsafeMutablePointer<Float>?, scratch: UnsafeMutablePointer<Float>
  ) {
    self.input = input
    self.output = output
    self.residual = residual
    self.gate = gate
    self.sums = sums
    self.scratch = scratch
  }
}

/// A step of a plan: weights packed for one strategy, ready to run in independent tasks.
package protocol Operator: Sendable {
  /// How it computes, in a few words, for plans and tables.
  var strategy: String { get }
  /// Floats of scratch memory a worker needs.
  var scratchCount: Int { get }
  /// Bytes of packed weights.
  var packedBytes: Int { get }
  /// Multiply-adds for one image, where the algorithm needs others than the convolution's
  /// definition; else nil.
  var ownMultiplications: Int? { get }
  /// Whether it is to be given all images of a batch together, because it reads its weights but once
  /// for all; the others may be given one image at a time.
  var takesBatch: Bool { get }
  /// Tasks that a batch falls into; they may run in any order, on any threads, and the result does
  /// not depend on it.
  func taskCount(batch: Int) -> Int
  /// Does one of them.
  func run(task: Int, batch: Int, _ memory: OperatorMemory)
}

extension Operator {
  package var scratchCount: Int { 0 }
  package var packedBytes: Int { 0 }
  package var ownMultiplications: Int? { nil }
  package var takesBatch: Bool { false }
}

/// Floats that a position of `channels` takes: the next multiple of 8, so that vector loops over
/// channels need no scalar tail.
package func channelStep(_ channels: Int) -> Int { (channels + 7) & ~7 }

/// `total` cut into `parts` as evenly as can be: part `index`.
func evenRange(_ index: Int, of parts: Int, total: Int) -> Range<Int> {
  total * index / parts..<total * (index + 1) / parts
}

/// An operator that adds its outputs up per channel as it stores them.
package protocol SummingOperator: Operator {
  /// Vectors of partial sums per image.
  var partialSums: Int { get }
}
