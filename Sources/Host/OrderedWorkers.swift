import Glibc

/// Threads that work ahead and deliver results in the order of their tasks.
///
/// At most `capacity` tasks are in progress or undelivered, so memory use is bounded. One thread
/// submits tasks and takes results; if no threads can be created, it does the work itself when it
/// takes a result.
package final class OrderedWorkers<Task: Sendable, Outcome: Sendable>: @unchecked Sendable {
  /// A task that a thread is working on.
  package struct Claim: Sendable {
    package let task: Task
    /// From 0 to below the capacity; belongs to the task until its result has been taken and another
    /// task is submitted.
    package let slot: Int
  }

  /// The tasks as a thread sees them.
  package struct Tasks {
    fileprivate let workers: OrderedWorkers
    /// False on the thread that submits the tasks, which must not wait for itself.
    fileprivate let mayWait: Bool

    /// The next task, which must be finished.
    ///
    /// - Parameter waits: Whether to wait for one.
    /// - Returns: `nil` if there is none, and after waiting if there will be no more.
    package func next(waits: Bool = true) -> Claim? { workers.claim(waits: waits && mayWait) }

    /// Delivers the result of a task.
    package func finish(_ claim: Claim, _ outcome: Outcome) { workers.finish(claim, outcome) }

    /// Whether all submitted tasks are finished but for `count`.
    package func areFinished(but count: Int) -> Bool {
      workers.monitor.locked { workers.given - workers.finished == count }
    }
  }

  private enum Slot {
    case empty
    case waiting(Task)
    case atWork
    case done(Outcome)
  }

  /// The number of slots for tasks.
  package let capacity: Int

  private let threadLimit: Int
  private let body: @Sendable (Tasks, _ thread: Int) -> Void
  private let monitor = Monitor()
  private var slots: [Slot]
  /// Tasks are numbered in the order they are submitted; a task's slot is its number modulo the
  /// capacity.
  ///
  /// Tasks below `taken` have been delivered, those below `begun` started, those below `given`
  /// submitted; `finished` counts those that are done.
  private var taken = 0
  private var begun = 0
  private var given = 0
  private var finished = 0
  private var idleThreads = 0
  private var isStopping = false
  /// Used only by the thread that submits tasks.
  private var threadCount = 0
  private var canStartThreads = true

  /// - Parameters:
  ///   - threads: The maximum number of threads; each starts only when there is work for it.
  ///   - capacity: The number of slots.
  ///   - body: What each thread does, once: claims tasks until there are no more and finishes them, in
  ///     any order. Threads are numbered from 0.
  package init(
    threads: Int, capacity: Int, body: @escaping @Sendable (Tasks, _ thread: Int) -> Void
  ) {
    precondition(threads >= 1 && capacity >= 1)
    threadLimit = threads
    self.capacity = capacity
    self.body = body
    slots = Array(repeating: .empty, count: capacity)
  }

  /// Workers that compute one result after another.
  ///
  /// - Parameter work: Computes the result of a task in a slot.
  package convenience init(
    threads: Int, capacity: Int, work: @escaping @Sendable (Task, _ slot: Int) -> Outcome
  ) {
    self.init(threads: threads, capacity: capacity) { tasks, _ in
      while let claim = tasks.next() { tasks.finish(claim, work(claim.task, claim.slot)) }
    }
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

  /// Waits for the result of the oldest task and takes it.
  ///
  /// - Precondition: `count > 0`.
  package func take() -> (outcome: Outcome, slot: Int) {
    precondition(count > 0)
    let slot = taken % capacity
    if threadCount == 0 { body(Tasks(workers: self, mayWait: false), 0) }
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
    let thread = threadCount
    // Each thread keeps this object alive until it ends.
    canStartThreads = DetachedThread.start {
      self.body(Tasks(workers: self, mayWait: true), thread)
    }
    threadCount += canStartThreads ? 1 : 0
  }

  private func claim(waits: Bool) -> Claim? {
    monitor.locked {
      idleThreads += 1
      defer { idleThreads -= 1 }
      while begun == given || isStopping {
        if isStopping || !waits { return nil }
        monitor.wait()
      }
      let slot = begun % capacity
      guard case .waiting(let task) = slots[slot] else { return nil }
      slots[slot] = .atWork
      begun += 1
      return Claim(task: task, slot: slot)
    }
  }

  private func finish(_ claim: Claim, _ outcome: Outcome) {
    monitor.locked {
      slots[claim.slot] = .done(outcome)
      finished += 1
      monitor.wakeAll()
    }
  }
}
