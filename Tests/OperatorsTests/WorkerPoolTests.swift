import Operators
import Synchronization
import Testing

struct WorkerPoolTests {
  @Test(arguments: 1...5)
  func everyThreadRunsOnce(_ threads: Int) {
    let pool = WorkerPool(count: threads)
    let calls = Mutex([Int](repeating: 0, count: threads))
    for _ in 0..<2000 {
      pool.run { worker in calls.withLock { $0[worker] += 1 } }
    }
    #expect(calls.withLock { $0 } == [Int](repeating: 2000, count: threads))
  }

  /// No thread passes a barrier before all have reached it.
  @Test(arguments: 2...4)
  func barrierKeepsThreadsInStep(_ threads: Int) {
    let pool = WorkerPool(count: threads)
    let arrived = Atomic<Int>(0)
    let early = Atomic<Int>(0)
    for _ in 0..<20 {
      arrived.store(0, ordering: .relaxed)
      pool.run { _ in
        for round in 1...50 {
          arrived.add(1, ordering: .sequentiallyConsistent)
          pool.barrier()
          if arrived.load(ordering: .sequentiallyConsistent) < round * threads {
            early.add(1, ordering: .relaxed)
          }
          pool.barrier()
        }
      }
    }
    #expect(early.load(ordering: .relaxed) == 0)
  }

  @Test func poolsComeAndGo() {
    let count = Atomic<Int>(0)
    for _ in 0..<100 {
      WorkerPool(count: 3).run { _ in count.add(1, ordering: .relaxed) }
    }
    #expect(count.load(ordering: .relaxed) == 300)
  }
}
