import Host
import Operators

/// Where a tape's buffers and partial sums are, for the largest batch.
///
/// A buffer that is used in one segment alone, and only by groups of images, lives in the memory of the
/// thread that runs the group: it stays in the cache and never reaches main memory. The others hold the
/// whole batch.
struct TapePlan {
  /// The offset of each buffer in the batch's memory, or ~offset in that of a thread's group.
  let offsets: [Int]
  /// Floats of the batch's buffers.
  let count: Int
  /// Floats of a group's buffers.
  let passingCount: Int
  /// Floats of partial sums.
  let partialCount: Int
  /// Floats of each thread's scratch memory.
  let scratchCount: Int
  /// The segments, ready to run.
  let forward: [PlannedSegment]
  let backward: [PlannedSegment]
  /// Buffers that the backward pass finds as the forward pass left them.
  let kept: [TapeBuffer]

  init(_ tape: Tape, batch: Int) {
    let schedule = tape.schedule
    let segments = (schedule.forward + schedule.backward).map {
      Self.place($0, tape, batch: batch)
    }
    let planned = segments.map { PlannedSegment($0.segment, tape.steps, batch: batch) }
    forward = Array(planned.prefix(schedule.forward.count))
    backward = Array(planned.dropFirst(schedule.forward.count))
    partialCount = segments.map(\.partialCount).max() ?? 0
    scratchCount = (Self.scratchCount(tape) + 15) & ~15

    let uses = BufferUses(tape)
    let records = tape.bufferCounts.indices.map {
      MemoryPlan.Record(
        count: uses.isPassing($0) ? 0 : tape.bufferCounts[$0] * batch, lifetime: uses.lifetimes[$0])
    }
    let plan = MemoryPlan(records)
    var offsets = plan.offsets
    count = plan.count
    var passingCount = 0
    for segment in segments.map(\.segment) {
      let passing = uses.passing(in: segment, tape)
      let plan = MemoryPlan(
        passing.map {
          MemoryPlan.Record(
            count: tape.bufferCounts[$0.buffer] * segment.sizes.size(images: batch),
            lifetime: $0.lifetime)
        })
      for (entry, offset) in zip(passing, plan.offsets) { offsets[entry.buffer] = ~offset }
      passingCount = max(passingCount, plan.count)
    }
    (self.offsets, self.passingCount) = (offsets, (passingCount + 15) & ~15)
    let loss = schedule.forward.count
    kept = tape.bufferCounts.indices.filter {
      uses.lifetimes[$0].lowerBound < loss && uses.lifetimes[$0].upperBound > loss
    }
  }

  /// Gives each step of a segment its own partial sums.
  private static func place(
    _ segment: TapeSegment, _ tape: Tape, batch: Int
  ) -> (segment: TapeSegment, partialCount: Int) {
    var (segment, next, offsets) = (segment, 0, [Int: Int]())
    // Smaller batches may have more groups, but never more than eight.
    let groups = max(8, segment.sizes.count(images: batch))
    for action in segment.actions where offsets[action.step] == nil {
      offsets[action.step] = next
      next += (tape.steps[action.step].partialCount(images: batch, groups: groups) + 15) & ~15
    }
    func place(_ actions: inout [TapeAction]) {
      for index in actions.indices { actions[index].partials = offsets[actions[index].step] ?? 0 }
    }
    place(&segment.actions)
    place(&segment.products)
    place(&segment.sums)
    return (segment, next)
  }

  private static func scratchCount(_ tape: Tape) -> Int {
    tape.steps.reduce(2 * tape.widestStride) { count, step in
      switch step {
      case .convolution(let step):
        max(
          count, step.forward.scratchCount, step.backward?.scratchCount ?? 0,
          step.weightGradient.scratchCount)
      case .expansion(let step): max(count, step.scratchCount)
      case .depthwise(let step): max(count, step.scratchCount)
      case .attention(let step): max(count, step.scratchCount)
      case .normalization, .activation, .pool, .gate, .layerNorm, .dropout: count
      }
    }
  }
}

/// When a tape's buffers are in use: the segments of the forward pass, the loss, and those of the
/// backward pass are one point in time each.
private struct BufferUses {
  private(set) var lifetimes: [ClosedRange<Int>]
  /// Whether more than a group needs the buffer.
  private var isShared: [Bool]

  init(_ tape: Tape) {
    let (forward, backward) = (tape.schedule.forward, tape.schedule.backward)
    var lifetimes = [ClosedRange<Int>?](repeating: nil, count: tape.bufferCounts.count)
    var isShared = [Bool](repeating: false, count: tape.bufferCounts.count)
    func use(_ buffers: [TapeBuffer], at time: Int, shared: Bool) {
      for buffer in buffers {
        let known = lifetimes[buffer]
        lifetimes[buffer] =
          min(known?.lowerBound ?? time, time)...max(known?.upperBound ?? time, time)
        if shared || (known.map { $0 != time...time } ?? false) { isShared[buffer] = true }
      }
    }
    use([tape.input], at: 0, shared: true)
    use([tape.logits, tape.logitsGradient], at: forward.count, shared: true)
    for (index, segment) in (forward + backward).enumerated() {
      let time = index < forward.count ? index : index + 1
      for action in segment.actions {
        use(tape.steps[action.step].buffers(action.kind, tape.steps), at: time, shared: false)
      }
      for action in segment.products + segment.sums {
        use(tape.steps[action.step].buffers(action.kind, tape.steps), at: time, shared: true)
      }
    }
    self.lifetimes = lifetimes.map { $0 ?? 0...0 }
    self.isShared = zip(lifetimes, isShared).map { lifetime, isShared in
      isShared || lifetime.map { $0.count > 1 } ?? false
    }
  }

  /// Whether the buffer lives only while a group runs.
  func isPassing(_ buffer: TapeBuffer) -> Bool { !isShared[buffer] }

  /// The buffers that live only while a group runs through a segment, and when.
  func passing(
    in segment: TapeSegment, _ tape: Tape
  ) -> [(buffer: TapeBuffer, lifetime: ClosedRange<Int>)] {
    var lifetimes: [TapeBuffer: ClosedRange<Int>] = [:]
    for (time, action) in segment.actions.enumerated() {
      for buffer in tape.steps[action.step].buffers(action.kind, tape.steps) where isPassing(buffer)
      {
        lifetimes[buffer] = (lifetimes[buffer]?.lowerBound ?? time)...time
      }
    }
    return lifetimes.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
  }
}
