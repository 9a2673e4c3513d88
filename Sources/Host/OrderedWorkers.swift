import Glibc

/// Threads that work ahead and deliver results in the order of their tasks.
///
/// At most `capacity` tasks are in progress or undelivered, so memory use is bounded. One thread
/// submits tasks and takes results; if no threads can be created, it does the work itself when it
/// takes a result.
package final class OrderedWorkers<Task: Sendable, Outcome: Sendable>: @unchecked Sendable {
  private enum Slot {
    case empty
    case waiting(Task)
    case atWork
    case done(Outcome)
  }

  /// The number of slots for tasks.
  package let capacity: Int

  private let threadLimit: Int
  private let work: @Sendable (Task, Int) -> Outcome
  private let monitor = Monitor()
  private var slots: [Slot]
  /// Tasks are numbered in the order they are submitted; a task's slot is its number modulo the
  /// capacity.
  ///
  /// Tasks below `taken` have been delivered, those below `begun` started, those below `given`
  /// submitted.
  private var taken = 0
  private var begun = 0
  private var given = 0
  private var idleThreads = 0
  private var isStopping = false
  /// Used only by the thread that submits tasks.
  private var threadCount = 0
  private var canStartThreads = true

  /// - Parameters:
  ///   - threads: The maximum number of threads; each starts only when there is work for it.
  ///   - capacity: The number of slots.
  ///   - work: Computes the result of a task in a slot, from 0 to below the capacity. The slot
  ///     belongs to the task until its result has been taken and another task is submitted.
  package init(
    threads: Int, capacity: Int, work: @escaping @Sendable (Task, _ slot: Int) -> Outcome
  ) {
    precondition(threads >= 1 && capacity >= 1)
    threadLimit = threads
    self.capacity = capacity
    self.work = work
    slots = Array(repeating: .empty, count: capacity)
  }

  /// Tasks submitted but not yet taken.
  package var count: Int { given - taken }

  /// Whether another task can be submitted.
  package var hasRoom: Bool { count < capacity }

  /// Submits a task.
  ///
  /// - Precondition: `hasRoom`.
  package func give(_ task: Task) {
    precondition(hasRoom)
    let needsThread = monitor.locked {
      slots[given % capacity] = .waiting(task)
      given += 1
      monitor.wakeAll()
      return given - begun > idleThreads
    }
    if needsThread { startThread() }
  }

  /// Waits for up to the given number of milliseconds; returns whether `take()` would not block.
  ///
  /// - Precondition: `count > 0`.
  package func isDone(within milliseconds: Int) -> Bool {
    precondition(count > 0)
    // Without threads, `take()` does the work.
    if threadCount == 0 { return true }
    let deadline = MonotonicTime(afterMilliseconds: milliseconds)
    let slot = taken % capacity
    return monitor.locked {
      while true {
        if case .done = slots[slot] { return true }
        if !monitor.wait(until: deadline) {
          if case .done = slots[slot] { return true }
          return false
        }
      }
    }
  }

  /// Waits for the result of the oldest task and takes it.
  ///
  /// - Precondition: `count > 0`.
  package func take() -> (outcome: Outcome, slot: Int) {
    precondition(count > 0)
    let slot = taken % capacity
    if threadCount == 0 { workOnOne() }
    let outcome = monitor.locked {
      while true {
        if case .done(let outcome) = slots[slot] {
          slots[slot] = .empty
          return outcome
        }
        monitor.wait()
      }
    }
    taken += 1
    return (outcome, slot)
  }

  /// Does all tasks and delivers the results in order, then stops.
  ///
  /// - Precondition: No task is in progress.
  package func forEach(
    _ tasks: some Sequence<Task>, receive: (Outcome) throws -> Void
  ) rethrows {
    precondition(count == 0)
    defer { stop() }
    for task in tasks {
      if !hasRoom { try receive(take().outcome) }
      give(task)
    }
    while count > 0 { try receive(take().outcome) }
  }

  /// Lets the threads end after their current tasks, without waiting, because a read may never end.
  package func stop() {
    monitor.locked {
      isStopping = true
      monitor.wakeAll()
    }
  }

  private func startThread() {
    guard canStartThreads, threadCount < threadLimit else { return }
    // Each thread keeps this object alive until it ends.
    canStartThreads = DetachedThread.start { self.workUntilStopped() }
    threadCount += canStartThreads ? 1 : 0
  }

  private func workUntilStopped() {
    while let (task, slot) = monitor.locked({ nextTask() }) {
      finish(work(task, slot), at: slot)
    }
  }

  /// Waits for the next task; `nil` if there will be no more.
  private func nextTask() -> (Task, Int)? {
    idleThreads += 1
    defer { idleThreads -= 1 }
    while begun == given || isStopping {
      if isStopping { return nil }
      monitor.wait()
    }
    return begin()
  }

  private func begin() -> (Task, Int)? {
    let slot = begun % capacity
    guard case .waiting(let task) = slots[slot] else { return nil }
    slots[slot] = .atWork
    begun += 1
    return (task, slot)
  }

  private func finish(_ outcome: Outcome, at slot: Int) {
    monitor.locked {
      slots[slot] = .done(outcome)
      monitor.wakeAll()
    }
  }

  /// Does the work of one task on the calling thread.
  private func workOnOne() {
    if let (task, slot) = monitor.locked({ begin() }) { finish(work(task, slot), at: slot) }
  }
}
