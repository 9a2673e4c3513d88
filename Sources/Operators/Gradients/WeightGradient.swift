/// The gradient of a loss with respect to a layer's weights, planned from shapes alone.
///
/// Tasks write sums over fixed parts of the batch; `reduce` adds these in a fixed order, so that the
/// result has the same bits for any number of threads.
package protocol WeightGradient: Sendable {
  /// Floats of scratch memory for each worker.
  var scratchCount: Int { get }
  /// Multiply-adds for one image, if the algorithm needs fewer than the layer's definition.
  var multiplyAdds: Int? { get }
  /// The precision of their operands.
  var precision: Precision { get }
  /// Floats of one set of sums.
  var sumCount: Int { get }
  /// The sets of sums into which `taskCount` tasks divide a batch.
  func partCount(batch: Int) -> Int
  /// The number of tasks; they may run in any order and on any thread.
  func taskCount(batch: Int) -> Int
  /// Runs one task.
  func run(task: Int, batch: Int, _ memory: WeightGradientMemory)
  /// Computes one set of sums for all images of a batch, instead of `partCount` sets by tasks.
  func runWhole(batch: Int, _ memory: WeightGradientMemory)
  /// The number of tasks that add up a number of sets.
  func reductionCount(parts: Int) -> Int
  /// Adds the sets of one part of the weights, in order, to `gradient`, which is in PyTorch's order.
  func reduce(
    task: Int, parts: Int, partials: UnsafePointer<Float>,
    into gradient: UnsafeMutablePointer<Float>)
}

extension WeightGradient {
  package var multiplyAdds: Int? { nil }
  package var precision: Precision { .f32 }
}

/// The memory that one run of a weight gradient reads and writes; values have the layout that
/// `OperatorMemory` describes.
package struct WeightGradientMemory {
  /// The layer's input.
  package var input: UnsafePointer<Float>
  /// The gradient with respect to the layer's output, before bias and nonlinearity.
  package var outputGradient: UnsafePointer<Float>
  /// `sumCount` floats for each set of sums.
  package var partials: UnsafeMutablePointer<Float>
  /// `scratchCount` floats that no other worker uses.
  package var scratch: UnsafeMutablePointer<Float>

  package init(
    input: UnsafePointer<Float>, outputGradient: UnsafePointer<Float>,
    partials: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
  ) {
    self.input = input
    self.outputGradient = outputGradient
    self.partials = partials
    self.scratch = scratch
  }
}
