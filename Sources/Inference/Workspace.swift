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
    place(of: value)(image: image, arena: 0)
  }

  /// A step with its memory.
  func call(_ step: Program.Step) -> StepCall {
    StepCall(step, packed: weights.weights(of: step), place: place)
  }

  /// The scratch memory of a thread.
  func scratch(_ worker: Int) -> UnsafeMutablePointer<Float> {
    scratch.base + worker * program.scratchCount
  }

  private func place(of value: Int) -> StepCall.Place {
    let layout = program.layout
    return switch layout.slots[value] {
    case .kept(let offset):
      StepCall.Place(
        base: values.base + offset * batch, perImage: program.values[value].count, perArena: 0)
    case .passing(let offset):
      StepCall.Place(
        base: values.base + layout.keptCount * batch + offset, perImage: 0,
        perArena: layout.passingCount)
    }
  }
}
