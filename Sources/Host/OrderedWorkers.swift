import Glibc

/// Threads that work ahead, and hand over what they made in the order of the tasks.
///
/// At most `capacity` tasks are under way or wait to be taken, so that memory stays bounded however
/// many there are. One thread gives tasks and takes outcomes. Where the system grants no thread, it
/// does the work itself when it takes the outcome.
package final class OrderedWorkers<Task: Sendable, Outcome: Sendable>: @unchecked Sendable {
  private enum Place {
    case empty
    case waiting(Task)
    case atWork
    case done(Outcome)
  }

  /// Tasks that can be held.
  package let capacity: Int

  private let threadLimit: Int
  private let work: @Sendable (Task, Int) -> Outcome
  private let monitor = Monitor()
  private var places: [Place]
  /// Tasks are numbered as they are given; each has the place that is its number modulo the
  /// capacity.
  ///
  /// Those below `taken` were handed over, those below `begun` were begun, `given` were given.
  private var taken = 0
  private var begun = 0
  private var given = 0
  private var idleThreads = 0
  private var isStopping = false
  /// Used by the one thread alone.
  private var threadCount = 0
  private var canStartThreads = true

  /// - Parameters:
  ///   - threads: The most that are started; each only when there is work for it.
  ///   - capacity: Tasks that can be held.
  ///   - work: Makes the outcome of a task that lies in a place, numbered from 0 to below the
  ///     capacity. The place is the task's own until the task after the one next taken is taken.
  package init(
    threads: Int, capacity: Int, work: @escaping @Sendable (Task, _ place: Int) -> Outcome
  ) {
    precondition(threads >= 1 && capacity >= 1)
    threadLimit = threads
    self.capacity = capacity
    self.work = work
    places = Array(repeating: .empty, count: capacity)
  }

  /// Tasks that were given and not taken.
  package var count: Int { given - taken }

  /// Whether another task can be given.
  package var hasRoom: Bool { count < capacity }

  /// Gives a task.
  ///
  /// - Precondition: `hasRoom`.
  package func give(_ task: Task) {
    precondition(hasRoom)
    let needsThread = monitor.locked {
      places[given % capacity] = .waiting(task)
      given += 1
      monitor.wakeAll()
      return given - begun > idleThreads
    }
    if needsThread { startThread() }
  }

  /// Whether `take()` would answer within so many milliseconds; it is waited for that long.
  ///
  /// - Precondition: `count > 0`.
  package func isDone(within milliseconds: Int) -> Bool {
    precondition(count > 0)
    // Without threads, who takes does the work.
    if threadCount == 0 { return true }
    let deadline = MonotonicTime(afterMilliseconds: milliseconds)
    let place = taken % capacity
    return monitor.locked {
      while true {
        if case .done = places[place] { return true }
        if !monitor.wait(until: deadline) {
          if case .done = places[place] { return true }
          return false
        }
      }
    }
  }

  /// Waits for the outcome of the task that was given first, and takes it.
  ///
  /// - Precondition: `count > 0`.
  package func take() -> (outcome: Outcome, place: Int) {
    precondition(count > 0)
    let place = taken % capacity
    if threadCount == 0 { workOnOne() }
    let outcome = monitor.locked {
      while true {
        if case .done(let outcome) = places[place] {
          places[place] = .empty
          return outcome
        }
        monitor.wait()
      }
    }
    taken += 1
    return (outcome, place)
  }

  /// Lets the threads end after what they are at, which is not waited for: it may be a read that
  /// never ends.
  package func stop() {
    monitor.locked {
      isStopping = true
      monitor.wakeAll()
    }
  }

  private func startThread() {
    guard canStartThreads, threadCount < threadLimit else { return }
    // Each keeps this object alive until it has left.
    canStartThreads = DetachedThread.start { self.workUntilStopped() }
    threadCount += canStartThreads ? 1 : 0
  }

  private func workUntilStopped() {
    while let (task, place) = monitor.locked({ nextTask() }) {
      finish(work(task, place), at: place)
    }
  }

  /// The next task, waited for; `nil` where there will be none.
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
    let place = begun % capacity
    guard case .waiting(let task) = places[place] else { return nil }
    places[place] = .atWork
    begun += 1
    return (task, place)
  }

  private func finish(_ outcome: Outcome, at place: Int) {
    monitor.locked {
      places[place] = .done(outcome)
      monitor.wakeAll()
    }
  }

  /// Without threads of its own, the thread that takes does the work.
  private func workOnOne() {
    if let (task, place) = monitor.locked({ begin() }) { finish(work(task, place), at: place) }
  }
}
