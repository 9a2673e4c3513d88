import Host
import Operators

/// The memory that a program runs in: its packed weights, the kept values of a batch, an arena for
/// every image that is computed concurrently, and scratch memory for every thread.
final class Workspace: Sendable {
  private let program: Program
  private let weights: PackedWeights
  private let batch: Int
  private let values: AlignedBuffer
  private let scratch: AlignedBuffer

  /// - Throws: `OutOfMemory`.
  init(
    _ program: Program, weights: PackedWeights, threads: Int, batch: Int
  ) throws(OutOfMemory) {
    self.program = program
    self.weights = weights
    self.batch = batch
    scratch = try AlignedBuffer(count: program.scratchCount * threads)
    let (kept, overflow) = program.layout.keptCount.multipliedReportingOverflow(by: batch)
    let passing = program.layout.passingCount * min(threads, batch)
    guard !overflow, kept <= Int.max - passing else { throw OutOfMemory(floats: Int.max) }
    values = try AlignedBuffer(count: kept + passing)
  }

  /// The address of a kept value for `image`.
  func base(of value: Int, image: Int) -> UnsafeMutablePointer<Float> {
    base(of: value, image: image, arena: 0)
  }

  /// The memory of one step for `image` and, if the step takes the batch, for the following images.
  ///
  /// - Parameters:
  ///   - arena: the arena for values that live only while this image is computed.
  ///   - worker: the thread whose scratch memory is used.
  func memory(of step: Program.Step, image: Int, arena: Int, worker: Int) -> OperatorMemory {
    func base(_ value: Int) -> UnsafeMutablePointer<Float> {
      self.base(of: value, image: image, arena: arena)
    }
    return OperatorMemory(
      input: UnsafePointer(base(step.input)), output: base(step.output),
      residual: step.residual.map { UnsafePointer(base($0)) },
      gate: step.gate.map { UnsafePointer(base($0)) }, sums: step.sums.map(base),
      packed: weights.weights(of: step), scratch: scratch.base + worker * program.scratchCount)
  }

  private func base(of value: Int, image: Int, arena: Int) -> UnsafeMutablePointer<Float> {
    let layout = program.layout
    return switch layout.slots[value] {
    case .kept(let offset): values.base + offset * batch + image * program.values[value].count
    case .passing(let offset):
      values.base + layout.keptCount * batch + arena * layout.passingCount + offset
    }
  }
}
