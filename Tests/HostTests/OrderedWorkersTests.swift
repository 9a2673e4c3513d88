import Glibc
import Synchronization
import Testing
import Host

struct OrderedWorkersTests {
  /// Submits all tasks, taking a result whenever there is no room, and returns the results.
  private func outcomes<Outcome>(
    of tasks: Range<Int>, by workers: OrderedWorkers<Int, Outcome>
  ) -> [(outcome: Outcome, slot: Int)] {
    var taken: [(Outcome, Int)] = []
    for task in tasks {
      if !workers.hasRoom { taken.append(workers.take()) }
      workers.give(task)
    }
    while workers.count > 0 { taken.append(workers.take()) }
    return taken
  }

  @Test(arguments: [(1, 1), (1, 5), (3, 2), (4, 9)])
  func resultsAreInTaskOrder(threads: Int, capacity: Int) {
    // Tasks of very different duration, so that later ones finish before earlier ones.
    let workers = OrderedWorkers<Int, Int>(threads: threads, capacity: capacity) { task, _ in
      var value = task
      for _ in 0..<(task % 7 == 0 ? 20_000 : 10) { value = value &* 6_364_136_223 &+ task | 1 }
      return value == 0 ? -1 : task * task
    }
    defer { workers.stop() }
    let found = outcomes(of: 0..<500, by: workers)
    #expect(found.map(\.outcome) == (0..<500).map { $0 * $0 })
    #expect(found.map(\.slot) == (0..<500).map { $0 % capacity })
  }

  @Test(arguments: [(1, 1), (3, 2), (4, 200)])
  func forEachDeliversAllInOrder(threads: Int, capacity: Int) {
    struct Enough: Error {}
    func workers() -> OrderedWorkers<Int, Int> {
      OrderedWorkers(threads: threads, capacity: capacity) { task, _ in 2 * task }
    }
    var found: [Int] = []
    workers().forEach(0..<100) { found.append($0) }
    #expect(found == (0..<100).map { 2 * $0 })
    workers().forEach([]) { _ in Issue.record("no task") }
    #expect(throws: Enough.self) {
      try workers().forEach(0..<100) { if $0 == 60 { throw Enough() } }
    }
  }

  @Test func aSlotBelongsToItsTaskAlone() {
    let capacity = 4
    let slots = UnsafeMutablePointer<Int>.allocate(capacity: capacity)
    defer { slots.deallocate() }
    nonisolated(unsafe) let memory = slots
    let workers = OrderedWorkers<Int, Int>(threads: 3, capacity: capacity) { task, slot in
      memory[slot] = task
      return task
    }
    defer { workers.stop() }
    var next = 0
    for task in 0..<400 {
      workers.give(task)
      guard !workers.hasRoom else { continue }
      let (outcome, slot) = workers.take()
      #expect(outcome == next)
      #expect(memory[slot] == outcome)
      next += 1
    }
    while workers.count > 0 { _ = workers.take() }
  }

  @Test func capacityIsNeverExceeded() {
    let workers = OrderedWorkers<Int, Int>(threads: 2, capacity: 3) { task, _ in task }
    defer { workers.stop() }
    for task in 0..<3 {
      #expect(workers.hasRoom)
      workers.give(task)
    }
    #expect(!workers.hasRoom)
    _ = workers.take()
    #expect(workers.hasRoom)
    #expect(workers.count == 2)
  }

  @Test func unfinishedWorkIsReported() {
    final class Gate: Sendable {
      let isOpen = Atomic<Bool>(false)
    }
    let gate = Gate()
    let workers = OrderedWorkers<Int, Int>(threads: 1, capacity: 2) { task, _ in
      while task == 1, !gate.isOpen.load(ordering: .acquiring) { sched_yield() }
      return task
    }
    defer { workers.stop() }
    workers.give(0)
    workers.give(1)
    #expect(workers.isDone(within: 60_000))
    _ = workers.take()
    #expect(!workers.isDone(within: 5))
    gate.isOpen.store(true, ordering: .releasing)
    #expect(workers.isDone(within: 60_000))
    #expect(workers.take().outcome == 1)
  }

  @Test func stoppingDoesNotWaitForATaskThatNeverEnds() {
    final class Task: Sendable {
      let hasBegun = Atomic<Bool>(false)
      let isReleased = Atomic<Bool>(false)
      let hasEnded = Atomic<Bool>(false)
    }
    let endless = Task()
    do {
      let workers = OrderedWorkers<Int, Int>(threads: 1, capacity: 1) { task, _ in
        endless.hasBegun.store(true, ordering: .releasing)
        while !endless.isReleased.load(ordering: .acquiring) { sched_yield() }
        endless.hasEnded.store(true, ordering: .releasing)
        return task
      }
      workers.give(0)
      while !endless.hasBegun.load(ordering: .acquiring) { sched_yield() }
      workers.stop()
    }
    let endedBefore = endless.hasEnded.load(ordering: .acquiring)
    #expect(!endedBefore)
    endless.isReleased.store(true, ordering: .releasing)
    // The task outlives its submitter, and so do the objects of its thread.
    while !endless.hasEnded.load(ordering: .acquiring) { sched_yield() }
  }
}
