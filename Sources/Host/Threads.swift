import Glibc

/// A thread that computes and nothing else.
package enum DetachedThread {
  /// Starts a thread that calls `body` and ends; false where the operating system refuses.
  ///
  /// It leaves signals to the threads of the program: whoever waits in a system call is woken by an
  /// interrupt, and a handler never runs on a stack of ours. Only what a thread's own instructions
  /// raise stays open, as the kernel kills a process that blocks those. The caller's mask is what it
  /// was.
  package static func start(_ body: @escaping @Sendable () -> Void) -> Bool {
    var attributes = pthread_attr_t()
    pthread_attr_init(&attributes)
    defer { pthread_attr_destroy(&attributes) }
    pthread_attr_setdetachstate(&attributes, Int32(PTHREAD_CREATE_DETACHED))
    // A thread begins with the mask of its creator.
    var blocked = sigset_t()
    var callers = sigset_t()
    sigfillset(&blocked)
    for signal in [SIGBUS, SIGSEGV, SIGILL, SIGFPE, SIGTRAP, SIGSYS] {
      sigdelset(&blocked, signal)
    }
    pthread_sigmask(SIG_SETMASK, &blocked, &callers)
    defer { pthread_sigmask(SIG_SETMASK, &callers, nil) }
    let box = Unmanaged.passRetained(Box(body))
    var thread = pthread_t()
    let code = pthread_create(
      &thread, &attributes,
      { argument in
        guard let argument else { return nil }
        Unmanaged<Box>.fromOpaque(argument).takeRetainedValue().body()
        return nil
      }, box.toOpaque())
    if code != 0 { box.release() }
    return code == 0
  }

  private final class Box {
    let body: @Sendable () -> Void

    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }
}

/// A lock, and a way to wait, while holding it, for what another thread does under it.
package final class Monitor: @unchecked Sendable {
  private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
  private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

  package init() {
    pthread_mutex_init(mutex, nil)
    var attributes = pthread_condattr_t()
    pthread_condattr_init(&attributes)
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
    pthread_cond_init(condition, &attributes)
    pthread_condattr_destroy(&attributes)
  }

  deinit {
    pthread_mutex_destroy(mutex)
    pthread_cond_destroy(condition)
    mutex.deallocate()
    condition.deallocate()
  }

  package func locked<Result>(_ body: () -> Result) -> Result {
    pthread_mutex_lock(mutex)
    defer { pthread_mutex_unlock(mutex) }
    return body()
  }

  /// Lets go of the lock until some thread calls `wakeAll()`; what was waited for is to be checked.
  package func wait() { pthread_cond_wait(condition, mutex) }

  /// As `wait()`, but no longer than until `deadline`; false from then on.
  package func wait(until deadline: MonotonicTime) -> Bool {
    var deadline = deadline.time
    return pthread_cond_timedwait(condition, mutex, &deadline) == 0
  }

  package func wakeAll() { pthread_cond_broadcast(condition) }
}

/// A point on the clock that never jumps.
package struct MonotonicTime {
  fileprivate var time = timespec()

  /// Now, or so many milliseconds from now.
  package init(afterMilliseconds milliseconds: Int = 0) {
    clock_gettime(CLOCK_MONOTONIC, &time)
    let nanoseconds = time.tv_nsec + milliseconds * 1_000_000
    time.tv_sec += nanoseconds / 1_000_000_000
    time.tv_nsec = nanoseconds % 1_000_000_000
  }

  /// Seconds since an arbitrary start.
  package var seconds: Double { Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9 }
}

/// Memory that threads may take together; who would take too much waits.
package final class MemoryBudget: Sendable {
  private let bytes: Int
  private let monitor = Monitor()
  private nonisolated(unsafe) var spent = 0

  package init(bytes: Int) { self.bytes = bytes }

  /// Runs `body`, which takes `need` bytes, once they are free.
  ///
  /// More than the whole budget is granted too, to one at a time.
  package func spending<Result>(_ need: Int, _ body: () throws -> Result) rethrows -> Result {
    monitor.locked {
      while spent > 0, need > bytes - spent { monitor.wait() }
      spent += need
    }
    defer {
      monitor.locked {
        spent -= need
        monitor.wakeAll()
      }
    }
    return try body()
  }
}
