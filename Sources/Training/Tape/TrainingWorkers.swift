import Host
import Synchronization

/// Threads with scratch memory for the steps of a tape.
struct TrainingWorkers {
  /// `nil` for the calling thread alone.
  private let pool: WorkerPool?
  private let scratch: UnsafeMutablePointer<Float>
  private let scratchCount: Int

  /// - Parameter scratchCount: Floats of scratch memory for each thread.
  init(pool: WorkerPool, scratch: UnsafeMutablePointer<Float>, scratchCount: Int) {
    (self.pool, self.scratch, self.scratchCount) = (pool, scratch, scratchCount)
  }

  private init(scratch: UnsafeMutablePointer<Float>) {
    (pool, self.scratch, scratchCount) = (nil, scratch, 0)
  }

  /// One of the threads, which is the caller.
  func alone(_ worker: Int) -> TrainingWorkers { TrainingWorkers(scratch: scratch(worker)) }

  /// A thread's scratch memory.
  func scratch(_ worker: Int) -> UnsafeMutablePointer<Float> { scratch + worker * scratchCount }

  /// Calls `body` once for every number below `count`, on whichever thread is free, with its scratch.
  func forEach(_ count: Int, _ body: (Int, UnsafeMutablePointer<Float>) -> Void) {
    guard let pool else {
      for index in 0..<count { body(index, scratch) }
      return
    }
    let next = Atomic<Int>(0)
    pool.run { worker in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index, scratch(worker))
      }
    }
  }

  /// Calls `body` once for every number below `count`, on whichever thread is free, with its number.
  func forEachOnWorkers(_ count: Int, _ clock: StepClock?, _ body: (Int, _ worker: Int) -> Void) {
    guard let pool else { return }
    let next = Atomic<Int>(0)
    pool.run { worker in
      clock?.begin(on: worker)
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index, worker)
      }
    }
  }
}
