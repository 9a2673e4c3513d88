import CSystem
import Glibc
import Synchronization

/// A pool of threads that work through one list of steps together.
///
/// `run` gives every thread the same body; inside it, `barrier` synchronises them. Between runs, a thread
/// spins for a fraction of a millisecond, because the next run often starts by then, and then sleeps, so
/// that an idle pool costs nothing.
package final class WorkerPool: Sendable {
  /// The number of threads, including the caller of `run`.
  package let count: Int

  private let state: SharedState

  /// Creates a pool of `count` threads, including the caller's.
  ///
  /// There are fewer if the operating system cannot create that many.
  package init(count: Int) {
    precondition(count >= 1)
    state = SharedState()
    var running = 1
    while running < count && state.start(running) { running += 1 }
    state.barrier = Barrier(threads: running)
    self.count = running
  }

  deinit { state.stop() }

  /// Calls `body` once on every thread with its number, the caller being 0, and returns when all have
  /// finished.
  ///
  /// All threads use the floating-point mode of `csystem_enter_compute_mode`; the caller's mode is
  /// restored.
  package func run(_ body: (_ worker: Int) -> Void) {
    Self.alone {
      guard count > 1 else { return body(0) }
      withoutActuallyEscaping(body) { body in
        state.publish(body)
        body(0)
        state.finish()
      }
    }
  }

  /// Calls `body` on the calling thread, in the floating-point mode of `run`.
  package static func alone<Result>(_ body: () -> Result) -> Result {
    let callersMode = csystem_enter_compute_mode()
    defer { csystem_restore_mode(callersMode) }
    return body()
  }

  /// Calls `body` once for every number below `count`, on whichever thread is free.
  package func forEach(below count: Int, _ body: (Int) -> Void) {
    let next = Atomic<Int>(0)
    run { _ in
      while true {
        let index = next.add(1, ordering: .relaxed).oldValue
        guard index < count else { return }
        body(index)
      }
    }
  }

  /// Waits, inside `run`, until every thread gets here.
  package func barrier() {
    if count > 1 { state.barrier.wait() }
  }
}

/// A reusable barrier for a fixed number of threads.
private final class Barrier: Sendable {
  private let threads: Int
  private let arrived = Atomic<Int>(0)
  private let generation = Atomic<Int>(0)

  init(threads: Int) { self.threads = threads }

  func wait() {
    let current = generation.load(ordering: .acquiring)
    if arrived.add(1, ordering: .acquiringAndReleasing).newValue == threads {
      arrived.store(0, ordering: .relaxed)
      generation.store(current &+ 1, ordering: .releasing)
      return
    }
    var wait = SpinningWait()
    while generation.load(ordering: .acquiring) == current { wait.pause() }
  }
}

/// A wait that should be short.
private struct SpinningWait {
  private var spins = 0

  /// Lets a moment pass.
  mutating func pause() {
    csystem_spin_hint()
    spins &+= 1
    // If there are more threads than processors, the awaited one may need this processor, so
    // yield after some tens of microseconds.
    if spins > 1000 { sched_yield() }
  }
}

/// The threads' shared state, which lives until the last thread ends, even beyond the pool.
private final class SharedState: @unchecked Sendable {
  /// Set before the first body is published.
  nonisolated(unsafe) var barrier = Barrier(threads: 1)

  /// Incremented with every published body.
  private let epoch = Atomic<Int>(0)
  private let sleeping = Atomic<Int>(0)
  private let monitor = Monitor()
  /// Written before `epoch` is incremented, read after.
  nonisolated(unsafe) private var body: ((Int) -> Void)?

  /// Starts a thread; false if the operating system refuses.
  func start(_ worker: Int) -> Bool {
    DetachedThread.start { self.work(worker) }
  }

  func publish(_ body: @escaping (Int) -> Void) {
    self.body = body
    advance()
  }

  /// Waits for all threads and releases the body.
  func finish() {
    barrier.wait()
    body = nil
  }

  /// Ends the threads by publishing a nil body.
  func stop() { advance() }

  private func advance() {
    epoch.add(1, ordering: .sequentiallyConsistent)
    guard sleeping.load(ordering: .sequentiallyConsistent) > 0 else { return }
    monitor.locked { monitor.wakeAll() }
  }

  private func work(_ worker: Int) {
    _ = csystem_enter_compute_mode()
    var seen = 0
    while true {
      awaitEpoch(after: seen)
      seen &+= 1
      guard callBody(worker) else { return }
      barrier.wait()
    }
  }

  /// Calls the published body, if any.
  ///
  /// Not inlined, so that this thread's reference to the body is released before the barrier lets
  /// `run` return.
  @inline(never)
  private func callBody(_ worker: Int) -> Bool {
    guard let body else { return false }
    body(worker)
    return true
  }

  /// Seconds that a thread spins before it sleeps.
  ///
  /// This is longer than the gap between two batches or two parts of a training step, and than a
  /// sleeping thread takes to wake up. A run costs each other thread at most as much afterwards.
  private static let longestSpin = 300e-6

  private func awaitEpoch(after seen: Int) {
    let start = MonotonicTime().seconds
    var wait = SpinningWait()
    repeat {
      if epoch.load(ordering: .acquiring) != seen { return }
      wait.pause()
    } while MonotonicTime().seconds - start < Self.longestSpin
    monitor.locked {
      sleeping.add(1, ordering: .sequentiallyConsistent)
      while epoch.load(ordering: .sequentiallyConsistent) == seen { monitor.wait() }
      sleeping.subtract(1, ordering: .sequentiallyConsistent)
    }
  }
}
