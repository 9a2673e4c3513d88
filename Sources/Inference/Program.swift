import GraphIR
import Host
import Operators

/// A network lowered to steps, for one backend and instruction set.
///
/// A program is a value that depends only on shapes: it can be printed and compared without any
/// weights. A session packs weights into the layout that the program describes, and runs it.
public struct Program: Sendable {
  /// One call of an operator.
  public struct Step: Sendable {
    /// Path of the node that gives the step its output.
    public let name: String
    /// How it is computed, such as `im2col + sgemm` or `depthwise`.
    public let strategy: String
    /// Shape of the output for one image.
    public let shape: TensorShape
    /// Multiply-accumulates for one image.
    public let macs: Int
    /// Offset of the output in the arena, in bytes, for a batch of one.
    public fileprivate(set) var offset = 0
    /// Minimum number of bytes moved for one image: input, residual, output and weights.
    public fileprivate(set) var bytes = 0
    /// Multiply-adds of the algorithm in use; fewer than `macs` for Winograd.
    public var multiplyAdds: Int { work.multiplyAdds ?? macs }
    /// The same by the precision of their operands.
    package let arithmetic: [Precision: Int]

    let work: any Operator
    /// The layers whose weights it packs.
    let layers: [FoldedLayer]
    /// Offset of its packed weights, in floats.
    fileprivate(set) var packedOffset = 0
    /// Values that it reads and writes.
    let input: Int
    let output: Int
    let residual: Int?
    let gate: Int?
    let sums: Int?

    init(
      name: String, strategy: String, shape: TensorShape, macs: Int, work: any Operator,
      arithmetic: [Precision: Int]?, layers: [FoldedLayer], input: Int, output: Int, residual: Int?,
      gate: Int?, sums: Int?
    ) {
      self.name = name
      self.strategy = strategy
      self.shape = shape
      self.macs = macs
      self.work = work
      self.arithmetic = arithmetic ?? [.f32: work.multiplyAdds ?? macs]
      self.layers = layers
      self.input = input
      self.output = output
      self.residual = residual
      self.gate = gate
      self.sums = sums
    }
  }

  /// A value that a step reads or writes, for one image.
  struct Value {
    /// Floats.
    let count: Int
    /// Floats between neighbouring positions.
    let stride: Int
  }

  /// The steps in order.
  public private(set) var steps: [Step]
  /// Compute backend: the requested one, or the one that `auto` selects here.
  public let backend: Backend
  /// Precision of the products where lower precision pays.
  public let precision: Precision

  let values: [Value]
  /// The value of each node that has one.
  let nodeValues: [Int?]
  let input: Int
  let output: Int
  /// The locations of values.
  let layout: ValueLayout
  /// Steps that run image by image; the ones after them take the whole batch.
  let imageSteps: Int
  /// Floats of scratch memory per thread: a multiple of a cache line, so that no two threads write
  /// to the same line.
  let scratchCount: Int
  /// Floats of all packed weights.
  let packedCount: Int

  /// Lowers `graph`; needs no weights.
  ///
  /// - Throws: `InferenceError.unsupported`, `ProcessorError` and `OpenBLASError`, as a session would.
  public init(lowering graph: Graph, options: InferenceSession.Options) throws {
    self = try Lowering.program(for: graph, options: options)
  }

  init(
    steps: [Step], values: [Value], nodeValues: [Int?], input: Int, output: Int, retained: [Int],
    backend: Backend, precision: Precision
  ) {
    self.values = values
    self.nodeValues = nodeValues
    self.input = input
    self.output = output
    self.backend = backend
    self.precision = precision
    imageSteps = (steps.lastIndex { !$0.work.takesBatch } ?? -1) + 1
    scratchCount = Self.cacheLines(steps.map(\.work.scratchCount).max() ?? 0)
    // The input is kept, so that a run can be repeated.
    let crossing = steps[imageSteps...].flatMap { [$0.input, $0.output] }
    layout = ValueLayout(
      values.map(\.count), steps, kept: Set([input, output] + retained + crossing), input: input)
    var steps = steps
    var packed = 0
    for index in steps.indices {
      let step = steps[index]
      let moved = [step.input, step.output, step.residual, step.gate, step.sums].compactMap(\.self)
      steps[index].offset = 4 * layout.offset(of: step.output)
      steps[index].bytes =
        4 * (moved.reduce(0) { $0 + values[$1].count } + step.work.packedCount)
      steps[index].packedOffset = packed
      packed += Self.cacheLines(step.work.packedCount)
    }
    self.steps = steps
    packedCount = packed
  }

  /// Floats rounded up to whole cache lines.
  private static func cacheLines(_ count: Int) -> Int { (count + 15) & ~15 }

  /// Bytes of the packed weights.
  public var packedBytes: Int { 4 * steps.reduce(0) { $0 + $1.work.packedCount } }

  /// Bytes of the largest set of values that are live at once, for one image.
  public var peakActivationBytes: Int { 4 * layout.largestLiveSet }

  /// Bytes of the arena for one image, without the threads' scratch memory.
  public var arenaBytes: Int { 4 * (layout.keptCount + layout.passingCount) }

  /// Bytes of scratch memory for each thread.
  public var scratchBytes: Int { 4 * scratchCount }
}

/// The memory layout of a program's values.
///
/// Images are independent until the classifier, so most values live only while one image is
/// computed. They share an arena, and every thread that computes an image has one. Values that are
/// needed for all images of a batch at once are kept separately, once for each image.
struct ValueLayout {
  /// The location of a value, in floats.
  enum Slot {
    /// In an arena, while one image is computed.
    case passing(Int)
    /// In the memory of the batch, with images one after another; the offset is for a batch of one.
    case kept(Int)
  }

  let slots: [Slot]
  /// Floats of one arena.
  let passingCount: Int
  /// Floats of the kept values of one image.
  let keptCount: Int
  /// Floats of the largest set of values that are live at one step, for one image.
  let largestLiveSet: Int

  /// - Parameters:
  ///   - counts: floats of each value.
  ///   - kept: the values that the batch needs.
  init(_ counts: [Int], _ steps: [Program.Step], kept: Set<Int>, input: Int) {
    let records = Self.lifetimes(counts, steps, kept: kept, input: input)
    let passing = counts.indices.filter { !kept.contains($0) }
    let plan = MemoryPlan(passing.map { records[$0] })
    var slots = [Slot](repeating: .kept(0), count: counts.count)
    for (value, offset) in zip(passing, plan.offsets) { slots[value] = .passing(offset) }
    var end = 0
    for value in counts.indices where kept.contains(value) {
      slots[value] = .kept(end)
      end += (counts[value] + 15) & ~15
    }
    self.slots = slots
    passingCount = plan.count
    keptCount = end
    largestLiveSet = MemoryPlan.largestLiveSet(of: records)
  }

  /// Each value from the step that writes it to the last that reads it.
  private static func lifetimes(
    _ counts: [Int], _ steps: [Program.Step], kept: Set<Int>, input: Int
  ) -> [MemoryPlan.Record] {
    var first = [Int](repeating: 0, count: counts.count)
    var last = first
    for (index, step) in steps.enumerated() {
      for written in [step.output, step.sums].compactMap(\.self) {
        (first[written], last[written]) = (index, index)
      }
      for read in [step.input, step.residual, step.gate].compactMap(\.self) { last[read] = index }
    }
    return counts.indices.map { value in
      let end = kept.contains(value) ? steps.count - 1 : last[value]
      return MemoryPlan.Record(
        count: counts[value], lifetime: first[value]...max(first[value], end))
    }
  }

  /// The location of a value for a batch of one, with the kept values before the arena.
  func offset(of value: Int) -> Int {
    switch slots[value] {
    case .kept(let offset): offset
    case .passing(let offset): keptCount + offset
    }
  }
}
