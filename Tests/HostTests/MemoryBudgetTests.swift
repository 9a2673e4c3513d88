import Synchronization
import Testing
import Host

struct MemoryBudgetTests {
  @Test func budgetIsNeverExceeded() {
    let budget = MemoryBudget(bytes: 100)
    final class Tally: Sendable {
      let spent = Atomic<Int>(0)
      let most = Atomic<Int>(0)
    }
    let tally = Tally()
    let workers = OrderedWorkers<Int, Void>(threads: 4, capacity: 8) { task, _ in
      let need = 20 + task % 5 * 20
      budget.spending(need) {
        let now = tally.spent.add(need, ordering: .sequentiallyConsistent).newValue
        _ = tally.most.max(now, ordering: .sequentiallyConsistent)
        for _ in 0..<1000 { _ = tally.spent.load(ordering: .sequentiallyConsistent) }
        tally.spent.subtract(need, ordering: .sequentiallyConsistent)
      }
    }
    defer { workers.stop() }
    for task in 0..<400 {
      if !workers.hasRoom { _ = workers.take() }
      workers.give(task)
    }
    while workers.count > 0 { _ = workers.take() }
    let most = tally.most.load(ordering: .sequentiallyConsistent)
    #expect((20...100).contains(most))
  }

  @Test func requestsAboveTheBudgetRunAlone() throws {
    let budget = MemoryBudget(bytes: 10)
    #expect(budget.spending(1000) { 3 } == 3)
    struct Failure: Error {}
    #expect(throws: Failure.self) { try budget.spending(10) { throw Failure() } }
    // What a failure took is free again.
    #expect(budget.spending(10) { 4 } == 4)
  }
}
