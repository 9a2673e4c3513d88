import Host
import Operators

/// The memory that a program runs in: the kept values of a batch, an arena for every image that is
/// under way at a time, scratch memory for every thread.
final class Workspace: Sendable {
  private let program: Program
  private let batch: Int
  private let values: AlignedBuffer
  private let scratch: AlignedBuffer

  /// - Throws: `OutOfMemory`.
  init(_ program: Program, threads: Int, batch: Int) throws(OutOfMemory) {
    self.program = program
    self.batch = batch
    scratch = try AlignedBuffer(count: program.scratchCount * threads)
    let (kept, overflow) = program.memory.keptCount.multipliedReportingOverflow(by: batch)
    let passing = program.memory.passingCount * min(threads, batch)
    guard !overflow, kept <= Int.max - passing else { throw OutOfMemory(floats: Int.max) }
    values = try AlignedBuffer(count: kept + passing)
  }

  /// Where a kept value lies for `image`.
  func base(of value: Int, image: Int) -> UnsafeMutablePointer<Float> {
    base(of: value, image: image, arena: 0)
  }

  /// The memory of one step for `image`, and, where the step takes the batch, those after it.
  ///
  /// - Parameters:
  ///   - arena: which one holds what is needed only while this image passes.
  ///   - worker: whose scratch memory it is.
  func memory(of step: CompiledStep, image: Int, arena: Int, worker: Int) -> OperatorMemory {
    func place(_ value: Int) -> UnsafeMutablePointer<Float> {
      base(of: value, image: image, arena: arena)
    }
    return OperatorMemory(
      input: UnsafePointer(place(step.input)), output: place(step.output),
      residual: step.residual.map { UnsafePointer(place($0)) },
      gate: step.gate.map { UnsafePointer(place($0)) }, sums: step.sums.map(place),
      scratch: scratch.base + worker * program.scratchCount)
  }

  private func base(of value: Int, image: Int, arena: Int) -> UnsafeMutablePointer<Float> {
    let memory = program.memory
    return switch memory.places[value] {
    case .kept(let offset): values.base + offset * batch + image * program.counts[value]
    case .passing(let offset):
      values.base + memory.keptCount * batch + arena * memory.passingCount + offset
    }
  }
}
