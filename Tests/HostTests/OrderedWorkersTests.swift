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

  /// Threads that claim a few tasks before they finish them, the last one first.
  @Test(arguments: [(1, 1), (1, 7), (3, 8)])
  func tasksAreFinishedInAnyOrder(threads: Int, capacity: Int) {
    let workers = OrderedWorkers<Int, Int>(threads: threads, capacity: capacity) { tasks, thread in
      #expect((0..<threads).contains(thread))
      while let first = tasks.next() {
        var claims = [first]
        while claims.count < 3, let claim = tasks.next(waits: false) { claims.append(claim) }
        for claim in claims.reversed() { tasks.finish(claim, 3 * claim.task) }
      }
    }
    defer { workers.stop() }
    let found = outcomes(of: 0..<300, by: workers)
    #expect(found.map(\.outcome) == (0..<300).map { 3 * $0 })
  }

  @Test func unfinishedTasksAreCounted() {
    let workers = OrderedWorkers<Int, [Bool]>(threads: 1, capacity: 2) { tasks, _ in
      while let first = tasks.next() {
        let before = (0...3).map { tasks.areFinished(but: $0) }
        guard let second = tasks.next() else { return }
        let between = (0...3).map { tasks.areFinished(but: $0) }
        tasks.finish(first, before)
        tasks.finish(second, between)
      }
    }
    defer { workers.stop() }
    // Before the second task is submitted, and after.
    workers.give(0)
    workers.give(1)
    let before = workers.take().outcome
    #expect(before == [false, true, false, false] || before == [false, false, true, false])
    #expect(workers.take().outcome == [false, false, true, false])
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
